import type { Hash } from 'node:crypto';
import { hasherFor, type Digest, type DigestAlgorithm } from '#oci/digest.js';

/** Hashes bytes in the pass that moves them; counts them too. */
export class RunningDigest {
  #hash: Hash;
  #bytes = 0;

  constructor(readonly algorithm: DigestAlgorithm = 'sha256') {
    this.#hash = hasherFor(algorithm);
  }

  /** Bytes that were hashed so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next bytes. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  /** The digest of everything so far; more may follow. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hash.copy().digest('hex')}`;
  }
}
