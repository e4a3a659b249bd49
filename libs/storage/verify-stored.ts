import { algorithmOf, type Digest } from '#oci/digest.js';
import type { BlobStore } from './blob-store.js';
import { digestOfStream } from './digest-of-stream.js';
import { CorruptBlobError } from './storage-errors.js';

/** Reads a stored blob and throws {@link CorruptBlobError} when its bytes are not those of the digest. Returns the size. */
export async function verifyStored(store: BlobStore, digest: Digest, expectedSize?: number): Promise<number> {
  const running = await digestOfStream(await store.open(digest, undefined, expectedSize), algorithmOf(digest));
  const actual = await running.digest();
  if (actual !== digest) throw new CorruptBlobError(digest, `its bytes have the digest ${actual}`);
  return running.bytes;
}
