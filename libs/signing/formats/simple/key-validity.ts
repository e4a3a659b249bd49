import { type Config, config as defaults, type Key, type Subkey } from 'openpgp';
import { messageOf } from '#platform/domain-error.js';
import type { CheckCode } from '../../report.js';
import { fingerprintOf, type SigningKey } from './key-ring.js';

/** Why a key must not be believed at a moment. */
export interface KeyProblem {
  readonly code: CheckCode;
  readonly detail: string;
}

const STRICT: Config = { ...defaults, minRSABits: 2047, allowMissingKeyFlags: true };
const PATTERNS: readonly (readonly [RegExp, CheckCode])[] = [
  [/revoked/i, 'KEY_REVOKED'],
  [/expired/i, 'KEY_EXPIRED'],
  [/too weak|shorter than|is disabled|insecure/i, 'WEAK_ALGORITHM'],
];

/** Curves of ECDSA keys that the cryptography here knows. */
const CURVES: ReadonlySet<string | undefined> = new Set(['nistP256', 'nistP384', 'nistP521']);

/** Why nothing can be verified with a key: it, or the key that certifies it, is on a curve such as brainpoolP256r1. */
export function findCurveProblem({ certificate, component }: SigningKey): KeyProblem | undefined {
  for (const key of [component, certificate]) {
    const { algorithm, curve } = key.getAlgorithmInfo();
    if (algorithm === 'ecdsa' && !CURVES.has(curve))
      return {
        code: 'UNSUPPORTED_ALGORITHM',
        detail: `key ${fingerprintOf(key)} is on the curve ${curve}; RSA, Ed25519 and the NIST curves are verified`,
      };
  }
  return undefined;
}

/**
 * Why the primary or the signing key must not be believed now for a signature of an earlier time; undefined when both are
 * good. As in GnuPG the newest self-signature counts for the past as well: a key whose expiry was moved keeps its signatures.
 */
export async function findKeyProblem(key: SigningKey, signedAt: Date, now: Date): Promise<KeyProblem | undefined> {
  const { certificate, component } = key;
  const name = `key ${fingerprintOf(component)}`;
  const unreadable = findCurveProblem(key);
  if (unreadable) return unreadable;
  if (component.keyPacket.created > signedAt) {
    return {
      code: 'BAD_SIGNATURE',
      detail: `${name} was made on ${component.keyPacket.created.toISOString()}, after the signature`,
    };
  }
  try {
    // A revocation without a harmless reason counts for all times; openpgp applies that by itself.
    await certificate.verifyPrimaryKey(now, undefined, STRICT);
    if (isSubkey(component)) await component.verify(now, STRICT);
    await certificate.getSigningKey(component.getKeyID(), now, undefined, STRICT);
    return undefined;
  } catch (error) {
    const code = PATTERNS.find(([pattern]) => pattern.test(messageOf(error)))?.[1] ?? 'BAD_SIGNATURE';
    return { code, detail: `${name} on ${now.toISOString()}: ${messageOf(error)}` };
  }
}

/** True for a key below a primary one. */
export function isSubkey(key: Key | Subkey): key is Subkey {
  return 'mainKey' in key;
}
