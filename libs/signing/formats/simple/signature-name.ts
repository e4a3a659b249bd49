import { createHash } from 'node:crypto';

/** The name that the signatures extension lists a signature under: manifest digest, `@`, half a sha256 of its bytes in hex. */
export function simpleSignatureName(manifestDigest: string, signature: Uint8Array): string {
  return `${manifestDigest}@${createHash('sha256').update(signature).digest('hex').slice(0, 32)}`;
}
