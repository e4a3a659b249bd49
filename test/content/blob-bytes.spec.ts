import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlobBytes, MOST_IN_ROW } from '#content/bytes/blob-bytes.js';
import { storeSmallBlob } from '#content/uploads/store-small-blob.js';
import { digestOf } from '#oci/digest.js';
import type { BlobStore } from '#storage/blob-store.js';
import { CheckedBlob } from '#storage/checked-blob.js';
import { FileStore } from '#storage/file-store.js';
import { verifyStored } from '#storage/verify-stored.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { makeRepository } from './content-factory.js';

let database: TestDatabase;
let folder: string;
let files: FileStore;
let bytes: BlobBytes;
let repositoryId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'hallmark-bytes-'));
  files = new FileStore(folder, false);
  bytes = new BlobBytes(files, database.source);
  repositoryId = await makeRepository(database.source);
});
afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

async function inRow(content: Buffer) {
  const digest = digestOf(content);
  expect(await storeSmallBlob(database.source, { repositoryId, blob: CheckedBlob.of(digest, content) })).toBe(true);
  return digest;
}

describe('the bytes of blobs', () => {
  it('come from the row of a small blob, which is no file', async () => {
    for (const size of [1, 300, 3000, MOST_IN_ROW]) {
      const content = randomBytes(size);
      const digest = await inRow(content);
      expect(await files.size(digest)).toBeUndefined();
      expect(await bytes.size(digest)).toBe(size);
      expect((await bytes.getBytes(digest, size)).equals(content)).toBe(true);
      expect((await buffer(await bytes.open(digest, undefined, size))).equals(content)).toBe(true);
      expect(await verifyStored(bytes, digest)).toBe(size);
    }
  });

  it('come from the store for every other blob', async () => {
    for (const size of [300, MOST_IN_ROW + 1]) {
      const content = randomBytes(size);
      const digest = digestOf(content);
      await bytes.putBytes(digest, content);
      expect(await bytes.size(digest)).toBe(size);
      expect((await bytes.getBytes(digest, size)).equals(content)).toBe(true);
      expect((await buffer(await bytes.open(digest, undefined, size))).equals(content)).toBe(true);
    }
    await expect(bytes.getBytes(digestOf('nowhere'), 10)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(bytes.open(digestOf('nowhere'))).rejects.toMatchObject({ kind: 'not-found' });
    expect(await bytes.size(digestOf('nowhere'))).toBeUndefined();
  });

  it('are given in part, up to a limit, and never when they are not as many as the row says', async () => {
    const content = randomBytes(5000);
    const digest = await inRow(content);
    const part = await buffer(await bytes.open(digest, { start: 10, end: 4999 }, 5000));
    expect(part.equals(content.subarray(10))).toBe(true);
    await expect(bytes.open(digest, { start: 10, end: 5000 }, 5000)).rejects.toMatchObject({ kind: 'range' });
    await expect(bytes.getBytes(digest, 4999)).rejects.toMatchObject({ kind: 'too-large' });
    await expect(bytes.open(digest, undefined, 4999)).rejects.toThrow(/damaged/);
  });

  it('are asked for together by those who want to know many sizes at once', async () => {
    const all = await Promise.all([100, 200, 300].map((size) => inRow(randomBytes(size))));
    expect(await Promise.all([...all, digestOf('no')].map((digest) => bytes.size(digest)))).toEqual([
      100,
      200,
      300,
      undefined,
    ]);
  });

  it('have a path or an address outside only when they cannot be in a row', async () => {
    const digest = digestOf('any');
    expect(bytes.localPath?.(digest, MOST_IN_ROW)).toBeUndefined();
    expect(bytes.localPath?.(digest, MOST_IN_ROW + 1)).toBe(files.localPath(digest));
    expect(bytes.redirectUrl).toBeUndefined();
    const elsewhere = { redirectUrl: async () => 'https://bucket.example/any' } as Partial<BlobStore> as BlobStore;
    const redirecting = new BlobBytes(elsewhere, database.source);
    expect(redirecting.localPath).toBeUndefined();
    expect(await redirecting.redirectUrl?.(digest, MOST_IN_ROW, 60)).toBeUndefined();
    expect(await redirecting.redirectUrl?.(digest, MOST_IN_ROW + 1, 60)).toBe('https://bucket.example/any');
  });
});
