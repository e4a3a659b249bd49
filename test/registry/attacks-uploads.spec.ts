import { createConnection, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { poolOf } from '#platform/database.js';
import type { StagedBytes } from '#storage/blob-store.js';
import { type Made, OCI_MANIFEST, pushBlob, pushImage } from './content.js';
import { head, sendRaw } from './raw-http.js';
import { REFUSED, refusal } from './refusals.js';
import { basic, type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';
import { pathOf, uploads } from './upload-requests.js';

let registry: RegistryProcess;
let image: Made;
const NAME = 'team/attacked';
beforeAll(async () => {
  registry = await startRegistry({
    HALLMARK_HEADER_TIMEOUT: '1',
    HALLMARK_IDLE_TIMEOUT: '1',
  });
  image = await pushImage(registry, NAME, 'v1');
});
afterAll(() => registry?.close());

const { start, chunk, close } = uploads(() => registry);

/** A socket that says something every so often; how long it is kept and what it is told. */
function drip(first: string, word: string, everyMs: number): Promise<{ ms: number; text: string }> {
  return new Promise((resolve) => {
    const began = performance.now();
    const socket = createConnection(registry.port, '127.0.0.1');
    let text = '';
    socket.write(first);
    const timer = setInterval(() => socket.writable && socket.write(word), everyMs);
    socket.on('data', (data) => (text += data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      resolve({ ms: performance.now() - began, text });
    });
  });
}

describe('slow clients', () => {
  it('D1 headers that drip in are cut off with 408', async () => {
    const { ms, text } = await drip(`GET /v2/ HTTP/1.1\r\nHost: ${registry.host}\r\n`, 'X: y\r\n', 100);
    expect(ms).toBeLessThan(8000);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('D1 a body that stops is cut off, and the upload goes on from what came', async () => {
    const bytes = someBytes(1000);
    const location = await start(NAME);
    const request = head(registry, `PATCH ${location} HTTP/1.1`, ['Content-Length: 1000']);
    const socket = await stalled(request, bytes.subarray(0, 400));
    await closed(socket, 10_000);
    const status = await registry.request('GET', location);
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-399']);
    const rest = await chunk(location, bytes.subarray(400), 400);
    expect((await close(pathOf(rest), sha(bytes))).status).toBe(201);
  });

  it('D1 a manifest that drips in is cut off although it never stops', async () => {
    const headers = [`Content-Type: ${OCI_MANIFEST}`, 'Content-Length: 100000'];
    const { ms } = await drip(head(registry, `PUT /v2/${NAME}/manifests/slow HTTP/1.1`, headers), ' ', 300);
    expect(ms).toBeLessThan(20_000);
  });

  it('D1 a blob that drips in is cut off although it never stops', async () => {
    const line = `POST /v2/${NAME}/blobs/uploads/?digest=${sha('slow')} HTTP/1.1`;
    const { ms } = await drip(head(registry, line, ['Content-Length: 100000']), 'x', 300);
    expect(ms).toBeLessThan(20_000);
  });

  it('D1 a body that nobody asked for does not keep the connection', async () => {
    for (const line of [`GET /v2/${NAME}/tags/list`, `DELETE /v2/${NAME}/manifests/none`]) {
      const { ms, text } = await drip(head(registry, `${line} HTTP/1.1`, ['Content-Length: 100000']), 'x', 300);
      expect(text).toMatch(/^HTTP\/1\.1 (?:200|404) /);
      expect(ms).toBeLessThan(20_000);
    }
  }, 60_000);

  it('D11 readers that stop reading are cut off and cost no memory meanwhile', async () => {
    const large = await pushBlob(registry, NAME, someBytes(30_000_000));
    const before = process.memoryUsage().rss;
    const request = head(registry, `GET /v2/${NAME}/blobs/${large.digest} HTTP/1.1`);
    const readers = await Promise.all(Array.from({ length: 40 }, () => stalled(request)));
    await new Promise((done) => setTimeout(done, 3000));
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
    const got = readers.map((reader) => {
      let bytes = 0;
      reader.on('data', (data) => (bytes += data.length));
      return closed(reader, 60_000).then(() => bytes);
    });
    for (const bytes of await Promise.all(got)) expect(bytes).toBeLessThan(30_000_000);
    expect((await registry.request('GET', '/v2/')).status).toBe(200);
  }, 120_000);

  it.each([1_500_000, 3_500_000])(
    'D11 readers that leave documents of %i bytes unread are cut off too',
    async (size) => {
      const { mediaType, ...rest } = JSON.parse(image.bytes.toString()) as Record<string, unknown>;
      const bytes = Buffer.from(JSON.stringify({ mediaType, ...rest, annotations: { long: 'x'.repeat(size) } }));
      const path = `/v2/${NAME}/manifests/${sha(bytes)}`;
      const pushed = await registry.request('PUT', path, { headers: { 'content-type': OCI_MANIFEST }, body: bytes });
      expect(pushed.status).toBe(201);
      const socket = await stalled(head(registry, `GET ${path} HTTP/1.1`).repeat(12));
      await new Promise((done) => setTimeout(done, 4000));
      let read = 0;
      socket.on('data', (data) => (read += data.length));
      await closed(socket, 10_000);
      expect(read).toBeLessThan(12 * size);
    },
  );
});

describe('a full disk', () => {
  const full = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));

  it.each(['append', 'commit'] as const)(
    'D8 is said as such in %s, and the same upload goes on later',
    async (step) => {
      const { asStorageError } = await import('#storage/storage-errors.js');
      const bytes = someBytes(70_000);
      const location = await start(NAME);
      const staging = registry.store.staging.bind(registry.store);
      const spy = vi.spyOn(registry.store, 'staging').mockImplementation((id) => {
        const real = staging(id);
        const failing = () => full().catch((error: unknown) => Promise.reject(asStorageError(error) as Error));
        return new Proxy(real, {
          get: (target, name: keyof StagedBytes) => (name === step ? failing : target[name].bind(target)),
        });
      });
      const refused = await close(location, sha(bytes), bytes);
      expect([refused.status, refused.code]).toEqual([507, 'UNAVAILABLE']);
      expect((await registry.request('GET', `/v2/${NAME}/manifests/v1`)).bytes.equals(image.bytes)).toBe(true);
      spy.mockRestore();
      const again = step === 'append' ? bytes : undefined;
      expect((await close(location, sha(bytes), again)).status).toBe(201);
    },
  );

  it('D8 is said as such of a small blob, of which nothing is kept', async () => {
    const [bytes, location] = [someBytes(5000), await start(NAME)];
    const pool = poolOf(registry.source);
    const query = pool.query.bind(pool) as (each: { name: string }) => unknown;
    const diskFull = Object.assign(new Error('could not extend file'), { code: '53100' });
    const spy = vi
      .spyOn(pool, 'query')
      .mockImplementation(((each: { name: string }) =>
        each.name === 'store-small-blobs' ? Promise.reject(diskFull) : query(each)) as never);
    const refused = await close(location, sha(bytes), bytes);
    spy.mockRestore();
    expect([refused.status, refused.code]).toEqual([507, 'UNAVAILABLE']);
    expect((await registry.request('GET', location)).headers.get('range')).toBe('0-0');
    expect((await registry.request('HEAD', `/v2/${NAME}/blobs/${sha(bytes)}`)).status).toBe(404);
    expect((await close(location, sha(bytes), bytes)).status).toBe(201);
  });
});

describe('Expect: 100-continue', () => {
  const put = (as: string | null, length: number) =>
    head(
      registry,
      `PUT /v2/${NAME}/manifests/expected HTTP/1.1`,
      [`Content-Type: ${OCI_MANIFEST}`, `Content-Length: ${length}`, 'Expect: 100-continue'],
      as,
    );

  it('D9 is answered by the refusal alone when the caller may not, or the body is too large', async () => {
    for (const [as, length, statuses] of [
      [null, 1000, [401]],
      ['bob', 1000, [403]],
      ['admin', 100_000_000, [413]],
    ] as const) {
      const answer = await sendRaw(registry, put(as, length));
      expect(refusal(answer, statuses)).toEqual(REFUSED);
      expect(answer.text).not.toContain('100 Continue');
    }
  });

  it('D9 is answered by the refusal alone when there is no such upload, wherever a large chunk begins', async () => {
    const location = await start(NAME);
    expect((await registry.request('DELETE', location)).status).toBe(204);
    for (const more of [[], ['Content-Range: 0-99999'], ['Content-Range: 5-100004']]) {
      const headers = ['Content-Length: 100000', 'Expect: 100-continue', ...more];
      const answer = await sendRaw(registry, head(registry, `PATCH ${location} HTTP/1.1`, headers));
      expect(refusal(answer, [404])).toEqual(REFUSED);
      expect(answer.text).not.toContain('100 Continue');
    }
  });

  it('D9 is told to go on when the caller may', async () => {
    const answer = await sendRaw(registry, Buffer.concat([Buffer.from(put('admin', image.size)), image.bytes]));
    expect(answer.text).toMatch(/^HTTP\/1\.1 100 Continue[^]*HTTP\/1\.1 201 Created/);
  });
});

describe('ranges', () => {
  it('D10 ten thousand of them, or ones that ask for more than there is, give the whole or nothing', async () => {
    const bytes = someBytes(2000);
    const blob = await pushBlob(registry, NAME, bytes);
    const header = (range: string) => [`Range: ${range}`, `Authorization: ${basic('admin')}`, 'Connection: close'];
    const get = (range: string) =>
      sendRaw(registry, head(registry, `GET /v2/${NAME}/blobs/${blob.digest} HTTP/1.1`, header(range), null));
    const many = (count: number) => `bytes=${Array.from({ length: count }, (_, at) => `${at % 2000}-`).join(',')}`;
    expect([(await get(many(1000))).status, (await get(many(10_000))).status]).toEqual([200, 431]);
    for (const range of ['bytes=0-1999,0-1999', 'bytes=0-1,1-1999', 'items=0-1'])
      expect((await get(range)).status).toBe(200);
    expect((await get('bytes=9-1,5-6')).status).toBe(416);
  });
});

/** Sends and then neither reads nor writes. */
function stalled(request: string, body?: Buffer): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(registry.port, '127.0.0.1', () => {
      socket.pause();
      socket.write(request);
      if (body) socket.write(body);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

function closed(socket: Socket, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the connection is still open')), withinMs);
    socket.on('error', () => undefined);
    socket.resume();
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
