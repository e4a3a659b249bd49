import type { Digest, DigestAlgorithm } from '#oci/digest.js';
import { ThreadDigest } from './hash-thread.js';
import { RunningDigest } from './running-digest.js';

/**
 * The hash of bytes that come in blocks. A first block that is not full says that little comes, which is hashed in place;
 * else a thread beside the event loop does it, so that this one has time for the bytes.
 */
export class BlockDigest {
  #hash: RunningDigest | ThreadDigest | undefined;
  #bytes = 0;

  constructor(readonly algorithm: DigestAlgorithm = 'sha256') {}

  /** Bytes that were hashed so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next block, which must have its memory for itself, and gives it back when it is hashed. */
  async update(block: Buffer<ArrayBuffer>, isFull: boolean): Promise<Buffer<ArrayBuffer>> {
    this.#bytes += block.length;
    this.#hash ??= isFull ? new ThreadDigest(this.algorithm) : new RunningDigest(this.algorithm);
    if (this.#hash instanceof ThreadDigest) return this.#hash.update(block);
    this.#hash.update(block);
    return block;
  }

  /** The digest of everything so far; more may follow. */
  async digest(): Promise<Digest> {
    this.#hash ??= new RunningDigest(this.algorithm);
    return this.#hash.digest();
  }
}
