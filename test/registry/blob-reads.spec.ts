import { truncate } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pushBlob } from './content.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';

let registry: RegistryProcess;
const bytes = someBytes(4096);
const path = `/v2/team/blobs/blobs/${sha(bytes)}`;
beforeAll(async () => {
  registry = await startRegistry();
  await pushBlob(registry, 'team/blobs', bytes);
});
afterAll(() => registry?.close());

const ranged = (range: string, headers: Record<string, string> = {}) =>
  registry.request('GET', path, { headers: { range, ...headers } });

describe('reading a blob', () => {
  it('tells its size, digest and that ranges work, with GET and HEAD alike', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await registry.request(method, path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/octet-stream');
      expect(answer.headers.get('content-length')).toBe('4096');
      expect(answer.headers.get('docker-content-digest')).toBe(sha(bytes));
      expect(answer.headers.get('accept-ranges')).toBe('bytes');
    }
  });

  it.each([
    ['bytes=500-1499', 500, 1499],
    ['bytes=500-', 500, 4095],
    ['bytes=-500', 3596, 4095],
    ['bytes=2000-9000', 2000, 4095],
    ['bytes=0-0', 0, 0],
    ['bytes=-9000', 0, 4095],
  ])('%s gives exactly that part', async (range, start, end) => {
    const answer = await ranged(range);
    expect([answer.status, answer.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end}/4096`]);
    expect(answer.headers.get('content-length')).toBe(String(end - start + 1));
    expect(answer.bytes.equals(bytes.subarray(start, end + 1))).toBe(true);
  });

  it.each(['bytes=500-0', 'bytes=5000-10000', 'bytes=-0', 'bytes=4096-'])('%s is not to be had', async (range) => {
    const answer = await ranged(range);
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */4096']);
    expect([answer.code, answer.headers.get('cache-control')]).toEqual(['RANGE_INVALID', null]);
  });

  it.each([
    'lines=1-2',
    'bytes=x',
    'bytes=1-2,x',
    'bytes',
    `bytes=${Array(70).fill('0-1').join(',')}`,
    'bytes=0-4000,1-4001',
  ])('D10 %s is ignored', async (range) => {
    const answer = await ranged(range);
    expect([answer.status, answer.bytes.length]).toEqual([200, 4096]);
  });

  it('gives several ranges as exactly as many parts', async () => {
    const answer = await ranged('bytes=0-9,100-199,-5');
    expect(answer.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(answer.headers.get('content-type')!)![1]!;
    const parts = answer.bytes.toString('latin1').split(`--${boundary}`).slice(1, -1);
    const contents = parts.map((part) => Buffer.from(part.slice(part.indexOf('\r\n\r\n') + 4, -2), 'latin1'));
    expect(parts.map((part) => /Content-Range: (.+)\r/.exec(part)![1])).toEqual([
      'bytes 0-9/4096',
      'bytes 100-199/4096',
      'bytes 4091-4095/4096',
    ]);
    expect(
      Buffer.concat(contents).equals(
        Buffer.concat([bytes.subarray(0, 10), bytes.subarray(100, 200), bytes.subarray(-5)]),
      ),
    ).toBe(true);
    expect(answer.headers.get('content-length')).toBe(String(answer.bytes.length));
  });

  it('answers 304 and If-Range by the entity tag', async () => {
    const etag = (await registry.request('HEAD', path)).headers.get('etag')!;
    expect((await registry.request('GET', path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    expect((await ranged('bytes=0-9', { 'if-range': etag })).status).toBe(206);
    expect((await ranged('bytes=0-9', { 'if-range': '"other"' })).status).toBe(200);
  });

  it('works below the content path of Pulp', async () => {
    const answer = await registry.request('GET', `/pulp/container/team/blobs/blobs/${sha(bytes)}`);
    expect([answer.status, answer.bytes.equals(bytes)]).toEqual([200, true]);
  });

  it('B13 fails closed when the stored bytes are shorter than they were', async () => {
    const [inRow, inFile] = [someBytes(500), someBytes(100_000)];
    for (const damaged of [inRow, inFile]) await pushBlob(registry, 'team/blobs', damaged);
    await registry.source.query('update blob set bytes = substring(bytes for 100) where digest = $1', [sha(inRow)]);
    await truncate(registry.store.localPath!(sha(inFile), inFile.length)!, 100);
    for (const damaged of [inRow, inFile])
      expect((await registry.request('GET', `/v2/team/blobs/blobs/${sha(damaged)}`)).status).toBe(500);
  });

  it('B13 sends nothing of a file that it has just read when it was cut off or removed since', async () => {
    const read = someBytes(300_000);
    await pushBlob(registry, 'team/blobs', read);
    const blob = `/v2/team/blobs/blobs/${sha(read)}`;
    const statusOfPart = async () => (await registry.request('GET', blob, { headers: { range: 'bytes=5-9' } })).status;
    for (let again = 0; again < 3; again += 1) expect(await statusOfPart()).toBe(206);
    await truncate(registry.store.localPath!(sha(read), read.length)!, 100);
    expect(await statusOfPart()).toBe(500);
    await registry.store.remove(sha(read));
    expect(await statusOfPart()).toBe(404);
  });

  it('has a part that many ask for in memory, for as long as the blob is there', async () => {
    const read = someBytes(300_000);
    await pushBlob(registry, 'team/blobs', read);
    const blob = `/v2/team/blobs/blobs/${sha(read)}`;
    const part = () => registry.request('GET', blob, { headers: { range: 'bytes=1000-100999' } });
    const expectPart = async () => {
      const answer = await part();
      expect([answer.status, answer.headers.get('content-range')]).toEqual([206, 'bytes 1000-100999/300000']);
      expect(answer.bytes.equals(read.subarray(1000, 101_000))).toBe(true);
    };
    for (let again = 0; again < 3; again += 1) await expectPart();
    await registry.store.remove(sha(read));
    await expectPart();
    expect((await registry.request('DELETE', blob)).status).toBe(202);
    expect((await part()).status).toBe(404);
  });

  it('D11 goes out in buffers that are shared also where the framework answers, and never as a stream with its own', async () => {
    const framework = await startRegistry({ HALLMARK_FAST_PATH: 'false' });
    try {
      const large = someBytes(3_000_000);
      await pushBlob(framework, 'team/blobs', large);
      const open = vi.spyOn(framework.store, 'open');
      for (const [range, expected] of [
        ['', large],
        ['bytes=5-2000000', large.subarray(5, 2_000_001)],
      ] as const) {
        const headers: Record<string, string> = range === '' ? {} : { range };
        const answer = await framework.request('GET', `/v2/team/blobs/blobs/${sha(large)}`, { headers });
        expect([answer.status, answer.bytes.equals(expected)]).toEqual([range === '' ? 200 : 206, true]);
      }
      expect(open).not.toHaveBeenCalled();
    } finally {
      await framework.close();
    }
  });

  it('is 404 for what is not there, and 400 or 404 for no digest', async () => {
    for (const method of ['GET', 'HEAD']) {
      expect((await registry.request(method, `/v2/team/blobs/blobs/${sha('none')}`)).status).toBe(404);
      expect((await registry.request(method, '/v2/team/blobs/blobs/sha256:totallywrong')).status).toBe(400);
    }
  });
});
