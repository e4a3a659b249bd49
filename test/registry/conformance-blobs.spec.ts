import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';
import { pathOf, uploads } from './upload-requests.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const NAME = 'conformance/blobs';
const OTHER = 'conformance/other';
const { start, chunk, close } = uploads(() => registry);
const request = (method: string, path: string, body?: Buffer) =>
  registry.request(method, `/v2/${NAME}/${path}`, { body });

type Algorithm = 'sha256' | 'sha512';
type Method = (
  bytes: Buffer,
  digest: string,
) => Promise<{ status: number; headers: Headers; code: string | undefined }>;

/** Pushes in pieces: all but the last with PATCH, the last with PATCH or with the closing PUT. */
async function chunked(bytes: Buffer, digest: string, pieces: number, lastOnPut: boolean) {
  const size = Math.ceil(bytes.length / pieces);
  let location = await start(NAME);
  const end = lastOnPut ? (pieces - 1) * size : bytes.length;
  for (let from = 0; from < end; from += size) {
    const answer = await chunk(location, bytes.subarray(from, Math.min(from + size, end)), from);
    expect([answer.status, answer.headers.get('range')]).toEqual([202, `0-${Math.min(from + size, end) - 1}`]);
    location = pathOf(answer);
  }
  if (!lastOnPut) return close(location, digest);
  return close(location, digest, bytes.subarray(end), { 'content-range': `${end}-${bytes.length - 1}` });
}

const METHODS: Record<string, Method> = {
  'a single POST': (bytes, digest) => request('POST', `blobs/uploads/?digest=${digest}`, bytes),
  'POST and PUT': async (bytes, digest) => close(await start(NAME), digest, bytes),
  'one chunk': (bytes, digest) => chunked(bytes, digest, 1, false),
  'several chunks': (bytes, digest) => chunked(bytes, digest, 3, false),
  'several chunks, the last with the PUT': (bytes, digest) => chunked(bytes, digest, 3, true),
  'a stream': async (bytes, digest) => {
    const patch = await registry.request('PATCH', await start(NAME), { body: new Blob([bytes]).stream() });
    expect(patch.status).toBe(202);
    return close(pathOf(patch), digest);
  },
};

/** HEAD, GET, DELETE, and a miss at once. */
async function walk(digest: string, bytes: Buffer, location: string): Promise<void> {
  for (const method of ['HEAD', 'GET']) {
    const answer = await registry.request(method, location);
    expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([200, digest]);
    expect(answer.headers.get('content-length')).toBe(String(bytes.length));
    if (method === 'GET') expect(answer.bytes.equals(bytes)).toBe(true);
  }
  expect((await request('DELETE', `blobs/${digest}`)).status).toBe(202);
  for (const method of ['HEAD', 'GET']) expect((await request(method, `blobs/${digest}`)).status).toBe(404);
}

it('conformance: the ping is answered', async () => {
  expect((await registry.request('GET', '/v2/')).status).toBe(200);
});

describe.each<Algorithm>(['sha256', 'sha512'])('blobs by %s', (algorithm) => {
  it('conformance: a missing blob is 404, and a digest that is none 400 or 404', async () => {
    for (const method of ['HEAD', 'GET']) {
      expect((await request(method, `blobs/${sha(someBytes(), algorithm)}`)).status).toBe(404);
      expect([400, 404]).toContain((await request(method, `blobs/${algorithm}:totallywrong`)).status);
    }
  });

  it.each(Object.keys(METHODS))('conformance: push by %s, read, delete, and 404 at once', async (method) => {
    const bytes = someBytes(3001);
    const digest = sha(bytes, algorithm);
    const answer = await METHODS[method]!(bytes, digest);
    expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([201, digest]);
    await walk(digest, bytes, answer.headers.get('location')!);
  });

  it.each(Object.keys(METHODS))('conformance: push by %s under a wrong digest is exactly 400', async (method) => {
    const bytes = someBytes(3001);
    const wrong = sha('not these bytes', algorithm);
    const answer = await METHODS[method]!(bytes, wrong);
    expect([answer.status, answer.code]).toEqual([400, 'DIGEST_INVALID']);
    expect((await request('GET', `blobs/${wrong}`)).status).toBe(404);
  });

  it.each([
    ['the empty blob', ''],
    ['the blob {}', '{}'],
  ])('conformance: %s, by each method that can send it', async (_what, text) => {
    const bytes = Buffer.from(text);
    const digest = sha(bytes, algorithm);
    for (const method of ['a single POST', 'POST and PUT', 'a stream']) {
      const answer = await METHODS[method]!(bytes, digest);
      expect(answer.status).toBe(201);
      await walk(digest, bytes, answer.headers.get('location')!);
    }
  });

  it('conformance: a chunk out of order is 416, the status tells the truth, and the session survives', async () => {
    const bytes = someBytes(900);
    const first = await start(NAME);
    const patch = await chunk(first, bytes.subarray(0, 300), 0);
    expect((await chunk(pathOf(patch), bytes.subarray(600), 600)).status).toBe(416);
    expect((await chunk(first, bytes.subarray(0, 300), 0)).status).toBe(416);
    const status = await registry.request('GET', first);
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-299']);
    const late = await close(pathOf(status), sha(bytes, algorithm), bytes.subarray(600), {
      'content-range': '600-899',
    });
    expect(late.status).toBe(416);
    const rest = await chunk(pathOf(status), bytes.subarray(300), 300);
    expect((await close(pathOf(rest), sha(bytes, algorithm))).status).toBe(201);
  });

  it('conformance: mounting is 201 with from and without, and of what is missing 202 with a usable session', async () => {
    const bytes = someBytes(500);
    const digest = sha(bytes, algorithm);
    expect((await METHODS['a single POST']!(bytes, digest)).status).toBe(201);
    for (const from of [`&from=${NAME}`, '']) {
      const mounted = await registry.request('POST', `/v2/${OTHER}/blobs/uploads/?mount=${digest}${from}`);
      expect([mounted.status, mounted.headers.get('location')]).toEqual([201, `/v2/${OTHER}/blobs/${digest}`]);
      expect((await registry.request('GET', `/v2/${OTHER}/blobs/${digest}`)).bytes.equals(bytes)).toBe(true);
      expect((await registry.request('DELETE', `/v2/${OTHER}/blobs/${digest}`)).status).toBe(202);
      expect((await registry.request('GET', `/v2/${OTHER}/blobs/${digest}`)).status).toBe(404);
    }
    const fresh = someBytes(50);
    for (const from of [`&from=${NAME}`, '', '&from=no/such']) {
      const path = `/v2/${OTHER}/blobs/uploads/?mount=${sha(fresh, algorithm)}${from}`;
      const missed = await registry.request('POST', path);
      expect(missed.status).toBe(202);
      const put = await close(pathOf(missed), sha(fresh, algorithm), fresh);
      expect(put.status).toBe(201);
      await registry.request('DELETE', `/v2/${OTHER}/blobs/${sha(fresh, algorithm)}`);
    }
  });

  it('conformance: an upload is cancelled with 204 and then unknown, also when its digest was announced', async () => {
    const location = await start(NAME, `?digest-algorithm=${algorithm}`);
    await chunk(location, someBytes(100), 0);
    expect((await registry.request('DELETE', location)).status).toBe(204);
    for (const method of ['GET', 'DELETE']) expect((await registry.request(method, location)).status).toBe(404);
    expect((await chunk(location, someBytes(10), 100)).status).toBe(404);
  });

  it.each([
    ['500-1499', 206, 500, 1499],
    ['500-', 206, 500, 2999],
    ['-500', 206, 2500, 2999],
    ['2000-5000', 206, 2000, 2999],
    ['500-0', 416, 0, 0],
    ['5000-10000', 416, 0, 0],
  ] as const)('conformance: the range %s is %i', async (range, status, first, last) => {
    const bytes = someBytes(3000);
    const digest = sha(bytes, algorithm);
    await METHODS['a single POST']!(bytes, digest);
    const answer = await registry.request('GET', `/v2/${NAME}/blobs/${digest}`, {
      headers: { range: `bytes=${range}` },
    });
    expect(answer.status).toBe(status);
    if (status === 416) return expect(answer.headers.get('content-range')).toBe('bytes */3000');
    expect(answer.headers.get('content-range')).toBe(`bytes ${first}-${last}/3000`);
    expect(answer.headers.get('content-length')).toBe(String(last - first + 1));
    expect(answer.bytes.equals(bytes.subarray(first, last + 1))).toBe(true);
  });
});
