import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { keepInSession, moveToStore } from '#content/uploads/session-bytes.js';
import { storeSmallBlob } from '#content/uploads/store-small-blob.js';
import { poolOf, rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { digestOf } from '#oci/digest.js';
import { CheckedBlob } from '#storage/checked-blob.js';
import { type RegistryProcess, sha, someBytes, startBeside, startRegistry } from './registry-process.js';
import { uploads } from './upload-requests.js';

const NAME = 'team/small';
let registry: RegistryProcess;
const { start, chunk, close } = uploads(() => registry);

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

const whole = (location: string, bytes: Buffer) => registry.request('PATCH', location, { body: bytes });
const status = async (location: string) => {
  const answer = await registry.request('GET', location);
  return `${answer.status} ${answer.headers.get('range')}`;
};
const read = async (digest: string) => (await registry.request('GET', `/v2/${NAME}/blobs/${digest}`)).bytes;
const sessionOf = (location: string) => new URL(location, registry.url).pathname.split('/').at(-1)!;
const files = () => readdir(join(registry.config.dataDir, 'uploads')).catch(() => []);

describe('a small blob in one chunk', () => {
  it('is stored by the close without a file, and a repeated close is answered like the first', async () => {
    const bytes = someBytes(5000);
    const location = await start(NAME);
    const kept = await whole(location, bytes);
    expect([kept.status, kept.headers.get('range')]).toEqual([202, '0-4999']);
    expect(await status(location)).toBe('204 0-4999');
    expect(await files()).toEqual([]);
    for (let again = 0; again < 2; again += 1) expect((await close(location, sha(bytes))).status).toBe(201);
    expect((await close(location, sha('other'))).status).toBe(404);
    expect((await read(sha(bytes))).equals(bytes)).toBe(true);
    expect(registry.store.localPath!(sha(bytes), 5000)).toBeUndefined();
    const left = await rowsOf(registry.source, 'select bytes from upload where bytes is not null');
    expect([await files(), left]).toEqual([[], []]);
  });

  it('may say that it begins at 0, and may be closed with a sha512 digest', async () => {
    const bytes = someBytes(700);
    const location = await start(NAME);
    expect((await chunk(location, bytes, 0)).status).toBe(202);
    const digest = digestOf(bytes, 'sha512');
    expect((await close(location, digest)).status).toBe(201);
    expect((await read(digest)).equals(bytes)).toBe(true);
    const [last, fromZero] = [someBytes(700), { 'content-range': '0-699' }];
    expect((await close(await start(NAME), sha(last), last, fromZero)).status).toBe(201);
    const late = await start(NAME);
    expect((await whole(late, bytes)).status).toBe(202);
    expect((await close(late, sha(last), last, fromZero)).status).toBe(416);
    expect((await registry.request('DELETE', late)).status).toBe(204);
    const rows = 'select 1 from blob where digest = any($1) and bytes is not null';
    expect(await rowsOf(registry.source, rows, [[digest, sha(last)]])).toHaveLength(2);
  });

  it('goes on with more chunks, the last one in the close', async () => {
    const bytes = someBytes(9000);
    const location = await start(NAME);
    expect((await whole(location, bytes.subarray(0, 3000))).status).toBe(202);
    expect((await chunk(location, bytes.subarray(3000, 6000), 3000)).headers.get('range')).toBe('0-5999');
    expect(await status(location)).toBe('204 0-5999');
    expect((await close(location, sha(bytes), bytes.subarray(6000))).status).toBe(201);
    expect((await read(sha(bytes))).equals(bytes)).toBe(true);
    const two = await start(NAME);
    expect((await whole(two, bytes.subarray(0, 4000))).status).toBe(202);
    expect((await close(two, sha(bytes), bytes.subarray(4000))).status).toBe(201);
  });

  it('is refused out of order with where the upload stands', async () => {
    const bytes = someBytes(1000);
    const location = await start(NAME);
    const early = await chunk(location, bytes, 10);
    expect([early.status, early.headers.get('range')]).toEqual([416, '0-0']);
    expect((await whole(location, bytes)).status).toBe(202);
    const shouting = location.replace(sessionOf(location), (id) => id.toUpperCase());
    for (const from of [0, 10, 2000])
      for (const path of [location, shouting]) {
        const refused = await chunk(path, bytes, from);
        expect([refused.status, refused.headers.get('range')]).toEqual([416, '0-999']);
      }
    expect((await close(location, sha(bytes))).status).toBe(201);
  });

  it('ends its session when the digest is another one', async () => {
    const location = await start(NAME);
    expect((await whole(location, someBytes(1000))).status).toBe(202);
    const refused = await close(location, sha('other'));
    expect([refused.status, refused.code]).toEqual([400, 'DIGEST_INVALID']);
    expect((await registry.request('GET', location)).status).toBe(404);
    expect(await files()).toEqual([]);
  });

  it('is gone when it is cancelled, and unknown elsewhere, to others and after the close', async () => {
    const bytes = someBytes(1000);
    const location = await start(NAME);
    const elsewhere = location.replace(NAME, 'team/else');
    await start('team/else');
    expect((await whole(elsewhere, bytes)).status).toBe(404);
    expect((await whole(location, bytes)).status).toBe(202);
    expect((await close(elsewhere, sha(bytes))).status).toBe(404);
    expect((await registry.request('DELETE', location)).status).toBe(204);
    for (const answer of [await whole(location, bytes), await close(location, sha(bytes))])
      expect([answer.status, answer.code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
    const closed = await start(NAME);
    expect((await close(closed, sha(bytes), bytes)).status).toBe(201);
    expect((await whole(closed, bytes)).status).toBe(404);
    const nobody = location.replace(sessionOf(location), 'no-upload');
    for (const answer of [await whole(nobody, bytes), await close(nobody, sha(bytes), bytes)])
      expect([answer.status, answer.code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  });

  it('is taken from one process and closed by another', async () => {
    const beside = await startBeside(registry);
    const bytes = someBytes(2000);
    const location = await start(NAME);
    expect((await whole(location, bytes)).status).toBe(202);
    const closed = await beside.request('PUT', `${location}&digest=${sha(bytes)}`);
    expect(closed.status).toBe(201);
    await beside.close();
    expect((await read(sha(bytes))).equals(bytes)).toBe(true);
  });

  it('is whole also when moving it to a file was broken off before', async () => {
    const bytes = someBytes(3000);
    const location = await start(NAME);
    expect((await whole(location, bytes.subarray(0, 2000))).status).toBe(202);
    await writeFile(join(registry.config.dataDir, 'uploads', sessionOf(location)), bytes.subarray(0, 700));
    expect(await status(location)).toBe('204 0-1999');
    expect((await chunk(location, bytes.subarray(2000), 2000)).status).toBe(202);
    expect((await close(location, sha(bytes))).status).toBe(201);
    expect((await read(sha(bytes))).equals(bytes)).toBe(true);
  });

  it('takes nothing back that another process added when it is moved once more by one that was late', async () => {
    const bytes = someBytes(3000);
    const location = await start(NAME);
    expect((await whole(location, bytes.subarray(0, 2000))).status).toBe(202);
    expect((await chunk(location, bytes.subarray(2000), 2000)).status).toBe(202);
    const id = sessionOf(location);
    await moveToStore(registry.source, id, bytes.subarray(0, 2000), registry.store.staging(id));
    expect(await status(location)).toBe('204 0-2999');
    expect((await close(location, sha(bytes))).status).toBe(201);
  });

  it('is taken once when it is sent to one session by several at once', async () => {
    const beside = await startBeside(registry);
    for (let round = 0; round < 5; round += 1) {
      const blobs = Array.from({ length: 4 }, () => someBytes(500));
      const location = await start(NAME);
      const answers = await Promise.all(
        blobs.map((body, at) =>
          (at % 2 ? beside : registry).request('PATCH', location, { body, headers: { 'content-range': '0-499' } }),
        ),
      );
      expect(answers.map((each) => each.status).sort()).toEqual([202, 416, 416, 416]);
      const digest = sha(blobs[answers.findIndex((each) => each.status === 202)]!);
      const closed = await Promise.all(
        [beside, registry, registry].map((each) => each.request('PUT', `${location}&digest=${digest}`)),
      );
      expect(closed.map((each) => each.status)).toEqual([201, 201, 201]);
    }
    await beside.close();
  });

  it('is kept once when the connection breaks after it was kept with those of others', async () => {
    const pool = poolOf(registry.source);
    const query = pool.query.bind(pool) as (each: { name?: string }) => Promise<unknown>;
    let broken = 0;
    const spy = vi.spyOn(pool, 'query').mockImplementation((async (each: { name?: string }) => {
      const result = await query(each);
      if (each.name === 'keep-in-sessions' && broken++ === 0) throw new Error('Connection terminated unexpectedly');
      return result;
    }) as never);
    const owner = { repositoryId: newId(), principal: 'user:1', started: 'sha256' } as const;
    const sessions = [1, 2].map(() => ({ ...owner, id: newId() }));
    const kept = await Promise.all(sessions.map((each) => keepInSession(registry.source, each, someBytes(300))));
    spy.mockRestore();
    expect([broken, kept]).toEqual([3, [true, true]]);
    expect(await keepInSession(registry.source, sessions[0]!, someBytes(300))).toBe(false);
  });

  it('that comes twice at once into one session does not keep others from being stored together', async () => {
    const location = await start(NAME);
    const [row] = await rowsOf<{ id: string }>(registry.source, 'select id from repository where name = $1', [NAME]);
    const session = { repositoryId: row!.id, principal: 'user:1', started: 'sha256', id: sessionOf(location) } as const;
    const blobs = [0, 1, 2].map(() => someBytes(300)).map((bytes) => CheckedBlob.of(sha(bytes), bytes));
    const first = newId();
    const query = vi.spyOn(poolOf(registry.source), 'query');
    const kept = await Promise.all(
      [first, first, newId()].map((id, at) =>
        keepInSession(registry.source, { ...session, id }, Buffer.from(blobs[at]!.bytes)),
      ),
    );
    const stored = await Promise.all(
      [session, session, { ...session, id: newId() }].map((each, at) =>
        storeSmallBlob(registry.source, { repositoryId: row!.id, blob: blobs[at]!, session: each }),
      ),
    );
    expect([kept, stored, query.mock.calls.length]).toEqual([[true, false, true], [true, false, true], 2]);
    query.mockRestore();
    expect((await registry.request('GET', `/v2/${NAME}/blobs/${blobs[1]!.digest}`)).status).toBe(404);
    expect((await read(blobs[2]!.digest)).equals(blobs[2]!.bytes)).toBe(true);
  });

  it('comes from many at once, each into its own session', async () => {
    const blobs = Array.from({ length: 20 }, (_each, at) => someBytes(100 + at));
    const answers = await Promise.all(
      blobs.map(async (bytes) => {
        const location = await start(NAME);
        const taken = await whole(location, bytes);
        return [taken.status, taken.headers.get('range'), (await close(location, sha(bytes))).status];
      }),
    );
    expect(answers).toEqual(blobs.map(({ length }) => [202, `0-${length - 1}`, 201]));
    for (const bytes of blobs) expect((await read(sha(bytes))).equals(bytes)).toBe(true);
  });
});
