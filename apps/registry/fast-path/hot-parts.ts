import { LRUCache } from 'lru-cache';
import type { BlobStore, ByteRange } from '#storage/blob-store.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** How much is kept. */
export interface PartLimits {
  /** Bytes of the smallest part, since reading little costs little, and of the largest. */
  readonly smallest: number;
  readonly largest: number;
  /** Bytes that are kept, and those that may be in memory with what was dropped and is on its way yet. */
  readonly kept: number;
  readonly alive: number;
  /** Parts that are remembered as asked for once. */
  readonly asked: number;
}

const LIMITS: PartLimits = { smallest: 64 * KIB, largest: MIB, kept: 16 * MIB, alive: 24 * MIB, asked: 32 };

/**
 * Parts of large blobs that are asked for again and again, in memory: many nodes that start one image read the same table
 * of contents and the same chunks of its layers at the same time. A part is kept when it is asked for a second time among
 * a few others, so that who reads a blob once, from one end to the other, drives nothing out.
 */
export class HotParts {
  private readonly asked: LRUCache<string, true>;
  private readonly parts: LRUCache<string, Buffer>;
  private readonly reading = new Set<string>();
  private alive = 0;
  private readonly gone = new FinalizationRegistry<number>((bytes) => (this.alive -= bytes));

  constructor(
    private readonly store: BlobStore,
    private readonly limits = LIMITS,
  ) {
    this.asked = new LRUCache({ max: limits.asked });
    this.parts = new LRUCache({
      maxSize: limits.kept,
      sizeCalculation: (bytes, key) => 256 + key.length + bytes.length,
    });
  }

  /** A part that is kept. */
  get(digest: string, range: ByteRange): Buffer | undefined {
    return this.fits(sizeOf(range)) ? this.parts.get(keyOf(digest, range)) : undefined;
  }

  /** True when a part that is not kept had better be {@link read}, because it was asked for a moment ago. */
  wants(digest: string, range: ByteRange): boolean {
    const size = sizeOf(range);
    if (!this.fits(size)) return false;
    const key = keyOf(digest, range);
    if (this.reading.has(key)) return false;
    const isAgain = this.asked.has(key);
    this.asked.set(key, true);
    return isAgain && this.alive + size <= this.limits.alive;
  }

  private fits(size: number): boolean {
    return size >= this.limits.smallest && size <= this.limits.largest;
  }

  /** Reads a part of a blob of this size and keeps it. */
  async read(digest: string, range: ByteRange, blobSize: number): Promise<Buffer> {
    const key = keyOf(digest, range);
    const size = sizeOf(range);
    this.reading.add(key);
    try {
      const stream = await this.store.open(digest, range, blobSize);
      const bytes = Buffer.allocUnsafeSlow(size);
      this.alive += size;
      this.gone.register(bytes.buffer, size);
      let at = 0;
      for await (const chunk of stream) at += (chunk as Buffer).copy(bytes, at);
      if (at !== size) throw new Error('the blob does not have the size that it should have');
      this.parts.set(key, bytes);
      return bytes;
    } finally {
      this.reading.delete(key);
    }
  }
}

function keyOf(digest: string, { start, end }: ByteRange): string {
  return `${digest} ${start}-${end}`;
}

function sizeOf({ start, end }: ByteRange): number {
  return end - start + 1;
}
