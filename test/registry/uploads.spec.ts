import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { purgeUploads } from '#content/uploads/purge-uploads.js';
import { pushBlob } from './content.js';
import { basic, type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';
import { hoursAgo, idOf, pathOf, uploads } from './upload-requests.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const NAME = 'team/uploads';
const { start, chunk, close } = uploads(() => registry);

describe('an upload session', () => {
  it('begins with an absolute location that has a query, so that scripts can add the digest', async () => {
    const answer = await registry.request('POST', `/v2/${NAME}/blobs/uploads/`);
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toMatch(
      new RegExp(`^${registry.url}/v2/${NAME}/blobs/uploads/[0-9a-f-]+\\?`),
    );
    expect(answer.headers.get('range')).toMatch(/^0-/);
    expect(answer.headers.get('docker-upload-uuid')).toBeTruthy();
  });

  it('writes the name of the Location header with a capital L', async () => {
    const text = await raw(`POST /v2/${NAME}/blobs/uploads/ HTTP/1.1`, ['Content-Length: 0', 'Connection: close']);
    expect(text).toMatch(/\r\nLocation: http:[^\r]*\?[^\r]*\r\n/);
    expect(text).toContain('\r\nDocker-Distribution-API-Version: registry/2.0\r\n');
  });

  it('takes chunks in order and tells where it stands', async () => {
    const bytes = someBytes(1000);
    const first = await chunk(await start(), bytes.subarray(0, 600), 0);
    expect([first.status, first.headers.get('range')]).toEqual([202, '0-599']);
    const second = await chunk(pathOf(first), bytes.subarray(600, 900), 600);
    expect([second.status, second.headers.get('range')]).toEqual([202, '0-899']);
    const last = await close(pathOf(second), sha(bytes), bytes.subarray(900), { 'content-range': '900-999' });
    expect(last.status).toBe(201);
    expect(last.headers.get('docker-content-digest')).toBe(sha(bytes));
    expect((await registry.request('GET', last.headers.get('location')!)).bytes.equals(bytes)).toBe(true);
  });

  it('D4 refuses a chunk out of order with 416 and stays usable at its stale location', async () => {
    const bytes = someBytes(900);
    const location = await start();
    expect((await chunk(location, bytes.subarray(300), 300)).status).toBe(416);
    expect((await chunk(location, bytes.subarray(0, 300), 0)).status).toBe(202);
    const again = await chunk(location, bytes.subarray(0, 300), 0);
    expect([again.status, again.code, again.headers.get('range')]).toEqual([416, 'BLOB_UPLOAD_INVALID', '0-299']);
    const status = await registry.request('GET', location);
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-299']);
    expect(status.headers.get('location')).toBeTruthy();
    const late = await close(location, sha(bytes), bytes.subarray(600), { 'content-range': '600-899' });
    expect(late.status).toBe(416);
    expect((await chunk(location, bytes.subarray(300), 300)).status).toBe(202);
    expect((await close(location, sha(bytes))).status).toBe(201);
  });

  it.each(['9-0', '0-9223372036854775807', 'x', '0-', '-5', '0-9,20-29'])(
    'D4 refuses the Content-Range %s and survives it',
    async (range) => {
      const bytes = someBytes(10);
      const location = await start();
      const answer = await registry.request('PATCH', location, { body: bytes, headers: { 'content-range': range } });
      expect([400, 416]).toContain(answer.status);
      expect(answer.code).toBeTruthy();
      expect((await chunk(location, bytes, 0)).status).toBe(202);
    },
  );

  it.each(['sha256', 'sha512'] as const)(
    'is closed with a %s digest of bytes that came without a hint',
    async (algorithm) => {
      const bytes = someBytes(5000);
      const patch = await registry.request('PATCH', await start(), { body: bytes });
      const digest = sha(bytes, algorithm);
      const put = await close(pathOf(patch), digest);
      expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, digest]);
      const head = await registry.request('HEAD', `/v2/${NAME}/blobs/${digest}`);
      expect([head.status, head.headers.get('docker-content-digest')]).toEqual([200, digest]);
    },
  );

  it('takes an announced algorithm and refuses one that it does not know', async () => {
    const bytes = someBytes(500);
    const location = await start(NAME, '?digest-algorithm=sha512');
    expect((await close(location, sha(bytes, 'sha512'), bytes)).status).toBe(201);
    const md5 = await registry.request('POST', `/v2/${NAME}/blobs/uploads/?digest-algorithm=md5`);
    expect([md5.status, md5.code]).toEqual([400, 'DIGEST_INVALID']);
  });

  it('D6 answers a repeated closing PUT like the first', async () => {
    const bytes = someBytes(200);
    const location = await start();
    const answers = [await close(location, sha(bytes), bytes), await close(location, sha(bytes), bytes)];
    expect(answers.map((each) => each.status)).toEqual([201, 201]);
    expect(answers[1]!.headers.get('location')).toBe(answers[0]!.headers.get('location'));
    expect((await close(location, sha('other'))).status).toBe(404);
  });

  it('C5 is unknown through another repository and to another account', async () => {
    const location = await start('alice/app', '', 'alice');
    await pushBlob(registry, 'alice/other', someBytes(), undefined, { as: 'alice' });
    const elsewhere = location.replace('alice/app', 'alice/other');
    for (const [path, as] of [
      [elsewhere, 'alice'],
      [location, 'admin'],
    ] as const) {
      const answer = await registry.request('GET', path, { as });
      expect([answer.status, answer.code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
    }
    expect((await registry.request('GET', location, { as: 'alice' })).status).toBe(204);
  });

  it('can be cancelled', async () => {
    const location = await start();
    expect((await registry.request('DELETE', location)).status).toBe(204);
    const after = await registry.request('GET', location);
    expect([after.status, after.code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
    expect((await registry.request('DELETE', location)).status).toBe(404);
  });

  it('D3 lets one of two writers in and never mixes their bytes', async () => {
    const [one, two] = [someBytes(400_000), someBytes(400_000)];
    const location = await start();
    const answers = await Promise.all([chunk(location, one, 0), chunk(location, two, 0)]);
    expect(answers.map((each) => each.status).sort()).toEqual([202, 416]);
    const winner = answers[0]!.status === 202 ? one : two;
    expect((await close(location, sha(winner))).status).toBe(201);
  });

  it('D5 keeps what came before a cut and goes on from there', async () => {
    const bytes = someBytes(300_000);
    const location = await start();
    await cut('PATCH', location, bytes.subarray(0, 100_000), bytes.length);
    const kept = await settled(location);
    expect(kept).toBeGreaterThan(0);
    expect((await chunk(location, bytes.subarray(kept), kept)).status).toBe(202);
    expect((await close(location, sha(bytes))).status).toBe(201);
  });

  it('D5 takes a small chunk that does not say where it begins after what came before a cut', async () => {
    const bytes = someBytes(101_000);
    const location = await start();
    await cut('PATCH', location, bytes.subarray(0, 100_000), bytes.length);
    await expect.poll(() => settled(location)).toBe(100_000);
    const rest = await registry.request('PATCH', location, { body: bytes.subarray(100_000) });
    expect([rest.status, rest.headers.get('range')]).toEqual([202, '0-100999']);
    expect((await close(location, sha(bytes))).status).toBe(201);
  });

  it.each([1000, 300_000])('takes a whole blob of %i bytes again whose first sending broke off', async (size) => {
    const bytes = someBytes(size);
    const location = await start();
    const put = `${location}&digest=${sha(bytes)}`;
    await cut('PUT', put, bytes.subarray(0, size / 2), size);
    await expect.poll(async () => (await registry.request('PUT', put, { body: bytes })).status).toBe(201);
    const stored = await registry.request('GET', `/v2/${NAME}/blobs/${sha(bytes)}`);
    expect(stored.bytes.equals(bytes)).toBe(true);
  });

  it('is dropped when nobody touched it for its time, and not before', async () => {
    const begin = async () => {
      const location = await start();
      await registry.request('PATCH', location, { body: someBytes() });
      return location;
    };
    const [old, fresh] = await hoursAgo(48, async () => [await begin(), await begin()] as const);
    const age = `update upload set touched_at = now() - interval '2 days' where id = $1`;
    await registry.source.query(age, [idOf(old)]);
    expect(await purgeUploads(registry.source, registry.store, 86_400)).toBe(1);
    expect((await registry.request('GET', old)).status).toBe(404);
    expect((await registry.request('GET', fresh)).status).toBe(204);
  });
});

/** Sends a request as admin and reads until the connection closes. */
function raw(line: string, headers: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(registry.port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    socket.write([line, `Host: ${registry.host}`, `Authorization: ${basic('admin')}`, ...headers, '', ''].join('\r\n'));
  });
}

/** Announces more than it sends, then cuts the connection. */
function cut(method: string, location: string, bytes: Buffer, announced: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(registry.port, '127.0.0.1');
    socket.on('error', reject);
    socket.write(
      `${method} ${location} HTTP/1.1\r\nHost: ${registry.host}\r\nAuthorization: ${basic('admin')}\r\nContent-Length: ${announced}\r\n\r\n`,
    );
    socket.write(bytes, () =>
      setTimeout(() => {
        socket.destroy();
        resolve();
      }, 200),
    );
  });
}

async function settled(location: string): Promise<number> {
  for (let before = -1; ;) {
    await new Promise((done) => setTimeout(done, 150));
    const range = (await registry.request('GET', location)).headers.get('range')!;
    const now = Number(range.slice(2)) + 1;
    if (now === before && now > 1) return now;
    before = now;
  }
}
