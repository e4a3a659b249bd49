import { LRUCache } from 'lru-cache';
import type { Digest } from '#oci/digest.js';
import { Batches } from '#platform/batches.js';
import type { BlobStore } from '#storage/blob-store.js';
import type { CheckedBlob } from '#storage/checked-blob.js';

/** Blobs up to this size go into the store together, which is what makes many of them cheap. */
export const SMALL_BLOB = 256 * 1024;
const TOGETHER = 128;
/** How often batches of a copy begin: images arrive one by one, and a batch of one is no batch. */
export const BATCH_EVERY_MS = 50;
const KEPT_BYTES = 16 * 1024 * 1024;

/** Small blobs on their way into the store. The last ones are kept in memory, for their manifest is read next. */
export class SmallBlobs {
  private readonly storing = new Map<Digest, Promise<unknown>>();
  private readonly kept = new LRUCache<Digest, Buffer>({
    maxSize: KEPT_BYTES,
    sizeCalculation: (bytes) => bytes.length + 256,
  });
  private readonly batch: Batches<CheckedBlob, undefined>;

  constructor(private readonly store: BlobStore) {
    this.batch = new Batches(
      async (blobs) => {
        await store.putAll(blobs);
        return blobs.map(() => undefined);
      },
      { most: TOGETHER, everyMs: BATCH_EVERY_MS },
    );
  }

  /** Begins to store a blob; {@link stored} waits for it. Waits while too many are on their way. */
  async add(blob: CheckedBlob): Promise<void> {
    const done: Promise<unknown> = this.batch.do(blob).finally(() => this.storing.delete(blob.digest));
    this.storing.set(blob.digest, done);
    done.catch(() => undefined);
    this.kept.set(blob.digest, blob.bytes);
    if (this.storing.size >= 2 * TOGETHER) await Promise.race(this.storing.values());
  }

  /** Waits until these are in the store; those that were never added are no matter of this. */
  async stored(digests: readonly Digest[]): Promise<void> {
    for (const digest of digests) await this.storing.get(digest);
  }

  /** The bytes of a stored blob of at most `limit` bytes. */
  async read(digest: Digest, limit: number): Promise<Buffer> {
    return this.kept.get(digest) ?? this.store.getBytes(digest, limit);
  }
}
