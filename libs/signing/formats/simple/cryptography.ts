import { createHash } from 'node:crypto';
import { enums } from 'openpgp';
import { isDomainError } from '#platform/domain-error.js';
import type { CheckCode } from '../../report.js';
import type { SigningKey } from './key-ring.js';
import { fingerprintOf } from './key-ring.js';
import type { SignedMessage } from './signed-message.js';
import { openVerifyingKey } from './verifying-key.js';

/** What the cryptography says: `holds` when these bytes were signed by this key, even with an algorithm that is too weak. */
export interface CryptographyResult {
  readonly holds: boolean;
  readonly code?: CheckCode;
  readonly detail?: string;
}

const MESSAGE_TYPES: ReadonlySet<number> = new Set([enums.signature.binary, enums.signature.text]);

/** Names of the hash algorithms in node:crypto (RFC 9580 section 9.5). */
const HASHES: Readonly<Record<number, string>> = {
  [enums.hash.md5]: 'md5',
  [enums.hash.sha1]: 'sha1',
  [enums.hash.ripemd]: 'ripemd160',
  [enums.hash.sha256]: 'sha256',
  [enums.hash.sha384]: 'sha384',
  [enums.hash.sha512]: 'sha512',
  [enums.hash.sha224]: 'sha224',
  [enums.hash.sha3_256]: 'sha3-256',
  [enums.hash.sha3_512]: 'sha3-512',
};
const WEAK_HASHES: ReadonlySet<number> = new Set([enums.hash.md5, enums.hash.sha1, enums.hash.ripemd]);

/**
 * Verifies the signature over the literal data with one key. Times and the strength of the key are checks of their own. Text
 * is hashed as it is in the message: like GnuPG, which writes it with the line endings that are to be hashed.
 */
export function verifyCryptography({ signature, data }: SignedMessage, { component }: SigningKey): CryptographyResult {
  const key = openVerifyingKey(component.keyPacket);
  const hash = HASHES[signature.hashAlgorithm];
  if (!key)
    return bad(
      'UNSUPPORTED_ALGORITHM',
      `key ${fingerprintOf(component)} is ${kindOf(component)}, which is not verified`,
    );
  if (!hash) return bad('UNSUPPORTED_ALGORITHM', `the ${hashName(signature.hashAlgorithm)} for hashing is not known`);
  if (!MESSAGE_TYPES.has(signature.type))
    return bad('BAD_SIGNATURE', 'the signature is made over something else than a document');
  if (signature.publicKeyAlgorithm !== component.keyPacket.algorithm)
    return bad('BAD_SIGNATURE', 'the signature is of another algorithm than its key');
  const hashed = Buffer.concat([signature.salt ?? new Uint8Array(), data, signature.trailer]);
  const digest = createHash(hash).update(hashed).digest();
  try {
    if (!key.verify(hash, hashed, digest, signature.numbers))
      return bad('BAD_SIGNATURE', 'the signature does not match the data');
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return bad('BAD_SIGNATURE', error.message);
  }
  if (signature.unhandled !== undefined)
    return bad('CRITICAL_ATTRIBUTE_UNHANDLED', `${signature.unhandled} is not understood`);
  if (!WEAK_HASHES.has(signature.hashAlgorithm) && digest.length >= key.shortestHash) return { holds: true };
  return { holds: true, code: 'WEAK_ALGORITHM', detail: `the signature rests on ${hashName(signature.hashAlgorithm)}` };
}

/** Name of a hash algorithm as OpenPGP numbers it. */
export function hashName(algorithm: number): string {
  return nameIn(enums.hash, algorithm);
}

/** Name of a public-key algorithm as OpenPGP numbers it. */
export function publicKeyAlgorithmName(algorithm: number): string {
  return nameIn(enums.publicKey, algorithm);
}

function kindOf(component: SigningKey['component']): string {
  const { algorithm, curve } = component.getAlgorithmInfo();
  return curve === undefined ? algorithm : `${algorithm} on the curve ${curve}`;
}

function nameIn(names: Readonly<Record<string, unknown>>, algorithm: number): string {
  return Object.entries(names).find(([, value]) => value === algorithm)?.[0] ?? `algorithm ${algorithm}`;
}

function bad(code: CheckCode, detail: string): CryptographyResult {
  return { holds: false, code, detail };
}
