import { createHash, hash, type Hash } from 'node:crypto';

/** Hash algorithms that a digest may name here (OCI image-spec, "Registered algorithms"). */
export type DigestAlgorithm = 'sha256' | 'sha512';

/** A content identifier `algorithm:hex`, always checked by {@link isDigest} before it gets this type by name. */
export type Digest = string;

const PATTERN = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

/** The digest of the two bytes `{}`, the shared empty config of OCI artifacts. */
export const EMPTY_JSON_DIGEST = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';

/** True when the text is a sha256 or sha512 digest with lower-case hex of the right length. */
export function isDigest(text: string): boolean {
  return text.length <= 135 && PATTERN.test(text);
}

/** True when a reference must be read as a digest: a tag can never contain a colon. */
export function looksLikeDigest(reference: string): boolean {
  return reference.includes(':');
}

/** The algorithm part of a checked digest. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** The hex part of a checked digest. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** A running hash of the algorithm that the digest names. */
export function hasherFor(algorithm: DigestAlgorithm): Hash {
  return createHash(algorithm);
}

/** The digest of bytes in memory. */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}`;
}
