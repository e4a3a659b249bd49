import { isDigest } from '#oci/digest.js';
import { invalid } from '#platform/domain-error.js';

/** Throws DIGEST_INVALID unless a part of the request is a digest that the registry knows. */
export function requireDigest(text: string): void {
  if (!isDigest(text))
    throw invalid('The digest must be sha256 or sha512 with lower-case hex.', 'digest', 'DIGEST_INVALID', {
      digest: text.slice(0, 160),
    });
}
