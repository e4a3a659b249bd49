import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { algorithmOf, type Digest } from '#oci/digest.js';
import type { BlobStore, StoreLimits } from './blob-store.js';
import { checkedDigest, sizeDiffers, tooLarge } from './storage-errors.js';

/**
 * Stores a stream of a known digest through a session of its own, and leaves nothing when it fails. `place` is given what
 * puts the bytes in their place when all are here, to do it once, together with something else.
 */
export async function storeStream(
  store: Pick<BlobStore, 'staging'>,
  digest: Digest,
  bytes: Readable,
  { maxBytes, size: announced, ...pace }: StoreLimits,
  place = (commit: () => Promise<number>) => commit(),
): Promise<number> {
  checkedDigest(digest);
  if (announced !== undefined && announced > maxBytes) {
    bytes.destroy();
    throw tooLarge(maxBytes);
  }
  const staged = store.staging(randomUUID());
  try {
    const size = await staged.append(0, bytes, {
      ...pace,
      maxTotal: Math.min(maxBytes, announced ?? maxBytes),
      algorithm: algorithmOf(digest),
      closing: true,
    });
    if (announced !== undefined && size !== announced) throw sizeDiffers(announced, size);
    return await place(() => staged.commit(digest));
  } catch (error) {
    bytes.destroy();
    await staged.discard();
    throw error;
  }
}
