import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowsOf } from '#platform/database.js';
import { pushBlob } from './content.js';
import { type RegistryProcess, sha, someBytes, startRegistry } from './registry-process.js';
import { uploads } from './upload-requests.js';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.close());

const NAME = 'team/uploads';
const { start, chunk, close } = uploads(() => registry);

describe('a blob in one request', () => {
  it('D14 is stored by POST with its digest, also when it is empty', async () => {
    for (const bytes of [someBytes(100), Buffer.alloc(0), Buffer.from('{}')]) {
      const answer = await registry.request('POST', `/v2/${NAME}/blobs/uploads/?digest=${sha(bytes)}`, { body: bytes });
      expect(answer.status).toBe(201);
      const got = await registry.request('GET', answer.headers.get('location')!);
      expect([got.status, got.bytes.equals(bytes)]).toEqual([200, true]);
    }
  });

  it('is stored by PUT alone into a new session, also when it is empty', async () => {
    for (const bytes of [someBytes(100), Buffer.alloc(0)])
      expect((await close(await start(), sha(bytes), bytes)).status).toBe(201);
  });

  it.each(['sha256', 'sha512'] as const)(
    'B1 B2 is refused by all five ways when its %s digest is wrong',
    async (algorithm) => {
      const bytes = someBytes(400);
      const wrong = sha(someBytes(), algorithm);
      const half = bytes.subarray(0, 200);
      const patched = async (parts: Buffer[]) => {
        const location = await start();
        let from = 0;
        for (const part of parts) {
          expect((await chunk(location, part, from)).status).toBe(202);
          from += part.length;
        }
        return location;
      };
      const answers = [
        await registry.request('POST', `/v2/${NAME}/blobs/uploads/?digest=${wrong}`, { body: bytes }),
        await close(await start(), wrong, bytes),
        await close(await patched([bytes]), wrong),
        await close(await patched([half, bytes.subarray(200)]), wrong),
        await close(await patched([half]), wrong, bytes.subarray(200), { 'content-range': '200-399' }),
      ];
      expect(answers.map((each) => [each.status, each.code])).toEqual(Array(5).fill([400, 'DIGEST_INVALID']));
      for (const digest of [wrong, sha(bytes, algorithm)])
        expect((await registry.request('HEAD', `/v2/${NAME}/blobs/${digest}`)).status).toBe(404);
    },
  );

  it('B3 does not let a wrong push occupy a digest', async () => {
    const bytes = someBytes(100);
    const bad = await registry.request('POST', `/v2/${NAME}/blobs/uploads/?digest=${sha(bytes)}`, {
      body: someBytes(),
    });
    expect(bad.status).toBe(400);
    await pushBlob(registry, 'team/honest', bytes);
    expect((await registry.request('GET', `/v2/team/honest/blobs/${sha(bytes)}`)).bytes.equals(bytes)).toBe(true);
  });

  it('G6 is stored once when two sessions close it at the same time', async () => {
    const bytes = someBytes(50_000);
    const locations = [await start(), await start()];
    const answers = await Promise.all(locations.map((location) => close(location, sha(bytes), bytes)));
    expect(answers.map((each) => each.status)).toEqual([201, 201]);
  });

  it('is not written again when it is there, and is when its bytes were lost', async () => {
    const [small, large] = [someBytes(3000), someBytes(70_000)];
    const push = async (bytes: Buffer) => expect((await close(await start(), sha(bytes), bytes)).status).toBe(201);
    const read = async (bytes: Buffer) =>
      (await registry.request('GET', `/v2/${NAME}/blobs/${sha(bytes)}`)).bytes.equals(bytes);
    const written = async () => {
      const text = 'select pg_column_toast_chunk_id(bytes)::text as chunks from blob where digest = $1';
      const [row] = await rowsOf<{ chunks: string }>(registry.source, text, [sha(small)]);
      const { ino } = await stat(registry.store.localPath!(sha(large), large.length)!);
      return `${row!.chunks} ${ino}`;
    };
    for (const each of [small, large]) await push(each);
    const before = await written();
    for (const each of [small, large]) await push(each);
    expect(await written()).toBe(before);
    await registry.source.query(`update blob set bytes = 'short' where digest = $1`, [sha(small)]);
    await registry.store.remove(sha(large));
    for (const each of [small, large]) await push(each);
    expect([await read(small), await read(large)]).toEqual([true, true]);
  });

  it('B15 is refused before its bytes when they would have to be decoded', async () => {
    const answer = await close(await start(), sha('x'), Buffer.from('x'), { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(400);
  });
});
