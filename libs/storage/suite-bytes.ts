import { randomUUID } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { expect, type TestContext } from 'vitest';
import { digestOf, type DigestAlgorithm } from '#oci/digest.js';
import type { BlobStore } from './blob-store.js';

/** 1024 bytes. */
export const KIB = 1024;
/** 1024 times 1024 bytes. */
export const MIB = KIB * KIB;

/** A store under test. */
export interface StoreUnderTest {
  readonly store: BlobStore;
  /** A store over the same bytes that remembers nothing, as a process has after a restart. */
  readonly reopened: () => BlobStore;
  /** Cuts the stored bytes of a blob behind the store's back. */
  readonly truncate: (digest: string, size: number) => Promise<void>;
  /** Replaces the stored bytes of a blob behind the store's back. */
  readonly overwrite: (digest: string, bytes: Buffer) => Promise<void>;
}

/** Gives the store of a running test, or skips it when its tool is missing. */
export type Under = (context: TestContext) => StoreUnderTest;

/** Bytes as a stream of chunks. */
export const stream = (bytes: Buffer, chunk = 64 * KIB) =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
    })(),
    { objectMode: false },
  );

/** Gives the bytes and breaks when they are read, as a lost connection does. */
export function cutStream(bytes: Buffer): Readable {
  const broken = new PassThrough({ highWaterMark: bytes.length + 1 });
  broken.write(bytes);
  const poll = setInterval(() => {
    if (broken.readableLength > 0 || broken.writableLength > 0) return;
    clearInterval(poll);
    broken.destroy(new Error('the client has gone'));
  }, 10);
  return broken;
}

/** Ids of the uploads that have bytes in the store. */
export const uploads = async (store: BlobStore) => {
  const ids: string[] = [];
  for await (const { uploadId } of store.listStaged()) ids.push(uploadId);
  return ids;
};

/** Stores bytes through a session and gives their digest. */
export async function stored(store: BlobStore, bytes: Buffer, algorithm: DigestAlgorithm = 'sha256'): Promise<string> {
  const digest = digestOf(bytes, algorithm);
  const staged = store.staging(randomUUID());
  await staged.append(0, stream(bytes));
  expect(await staged.commit(digest)).toBe(bytes.length);
  return digest;
}
