import { algorithmOf, digestOf, type Digest } from '#oci/digest.js';
import { checkedDigest, digestDiffers } from './storage-errors.js';

/** A small blob in memory that has the digest that it says. */
export class CheckedBlob {
  private constructor(
    readonly digest: Digest,
    readonly bytes: Buffer,
  ) {}

  /** Throws invalid DIGEST_INVALID when the bytes have another digest. */
  static of(digest: Digest, bytes: Buffer): CheckedBlob {
    const actual = digestOf(bytes, algorithmOf(checkedDigest(digest)));
    if (actual !== digest) throw digestDiffers(digest, actual);
    return new CheckedBlob(digest, bytes);
  }
}
