import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { purgeUploads } from '#content/uploads/purge-uploads.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';
import { hoursAgo, idOf, pathOf, uploads } from './upload-requests.js';

let registry: RegistryProcess;
const NAME = 'team/attacked';
beforeAll(async () => {
  registry = await startRegistry({ HALLMARK_OPEN_UPLOADS: '20' });
});
afterAll(() => registry?.close());

const { start, chunk, close } = uploads(() => registry);
const cancel = (location: string, as = 'admin') => registry.request('DELETE', location, { as });

describe('upload sessions', () => {
  it('D2 nobody has more open ones than allowed, and others can still begin', async () => {
    const post = (as: string) => registry.request('POST', `/v2/${as}/many/blobs/uploads/`, { as });
    const opened = [];
    for (let at = 0; at < 20; at += 1) opened.push(await post('alice'));
    expect(new Set(opened.map((each) => each.status))).toEqual(new Set([202]));
    const refused = await post('alice');
    expect([refused.status, refused.code, refused.headers.get('retry-after')]).toEqual([429, 'TOOMANYREQUESTS', '60']);
    expect(refused.bytes.toString()).toContain('has 20 unfinished uploads');
    expect((await post('bob')).status).toBe(202);
    expect((await cancel(pathOf(opened[0]!), 'alice')).status).toBe(204);
    const bytes = someBytes();
    const next = await post('alice');
    const put = await registry.request('PUT', `${pathOf(next)}&digest=${sha(bytes)}`, { as: 'alice', body: bytes });
    expect([next.status, put.status, (await post('alice')).status]).toEqual([202, 201, 202]);
  });

  it('D2 none lives longer than a week, however busy it is', async () => {
    const location = await hoursAgo(8 * 24, async () => {
      const started = await start(NAME);
      expect((await chunk(started, someBytes(10), 0)).status).toBe(202);
      return started;
    });
    const age = `update upload set pulp_created = now() - interval '8 days' where id = $1`;
    await registry.source.query(age, [idOf(location)]);
    expect((await registry.request('GET', location)).status).toBe(204);
    expect(await purgeUploads(registry.source, registry.store, 86_400)).toBe(1);
    expect((await registry.request('GET', location)).status).toBe(404);
  });

  it('D3 a close while bytes come in waits or is refused, and never takes half of them', async () => {
    const bytes = someBytes(400_000);
    const location = await start(NAME);
    const [patch, put] = await Promise.all([chunk(location, bytes, 0), close(location, sha(bytes))]);
    expect(patch.status === 202 || put.status !== 201).toBe(true);
    for (const { status } of [patch, put]) expect(status).toBeLessThan(500);
    const stored = await registry.request('GET', `/v2/${NAME}/blobs/${sha(bytes)}`);
    expect(stored.status === 404 || stored.bytes.equals(bytes)).toBe(true);
    await cancel(location);
  });

  it('D4 gaps, overlaps and odd ranges are 416 or 400, and the upload stays where it was', async () => {
    const bytes = someBytes(100);
    const location = await start(NAME);
    expect((await chunk(location, bytes.subarray(0, 50), 0)).status).toBe(202);
    for (const from of [49, 51, 0, 60, 2 ** 40]) {
      const answer = await chunk(location, bytes.subarray(50), from);
      expect([answer.status, answer.headers.get('range')]).toEqual([416, '0-49']);
    }
    for (const range of ['50-40', '50-9223372036854775807', '-50', 'bytes */50', '50-98', '50-100', '0x32-0x63']) {
      const headers = { 'content-range': range };
      const answer = await registry.request('PATCH', location, { body: bytes.subarray(50), headers });
      expect([400, 416]).toContain(answer.status);
    }
    const rest = { 'content-range': 'bytes 50-99/100' };
    expect((await registry.request('PATCH', location, { body: bytes.subarray(50), headers: rest })).status).toBe(202);
    expect((await close(location, sha(bytes))).status).toBe(201);
  });

  it('D14 a blob of exactly the size of its chunks, and one of a byte', async () => {
    for (const size of [1, 65_536, 262_144]) {
      const bytes = someBytes(size * 2);
      const first = await chunk(await start(NAME), bytes.subarray(0, size), 0);
      const second = await chunk(pathOf(first), bytes.subarray(size), size);
      expect((await close(pathOf(second), sha(bytes))).status).toBe(201);
    }
  });
});
