import { type Config, config as defaults, enums, type Key, type Subkey } from 'openpgp';
import { messageOf } from '#platform/domain-error.js';
import type { CheckCode } from '../../report.js';
import { fingerprintOf, type SigningKey } from './key-ring.js';
import { openVerifyingKey } from './verifying-key.js';

/** Why a key must not be believed at a moment. */
export interface KeyProblem {
  readonly code: CheckCode;
  readonly detail: string;
}

/** GnuPG takes what openpgp leaves out by default: DSA, whose size is looked at here, and all curves. */
const STRICT: Config = {
  ...defaults,
  minRSABits: 2047,
  allowMissingKeyFlags: true,
  rejectPublicKeyAlgorithms: new Set(),
  rejectCurves: new Set(),
};
/** Shortest modulus of a DSA key, in bytes. */
const SHORTEST_DSA = 256;
const PATTERNS: readonly (readonly [RegExp, CheckCode])[] = [
  [/revoked/i, 'KEY_REVOKED'],
  [/expired/i, 'KEY_EXPIRED'],
  [/too weak|shorter than|is disabled|insecure/i, 'WEAK_ALGORITHM'],
];

/**
 * Why the primary or the signing key must not be believed now for a signature of an earlier time; undefined when both are
 * good. As in GnuPG the newest self-signature counts for the past as well: a key whose expiry was moved keeps its signatures.
 */
export async function findKeyProblem(key: SigningKey, signedAt: Date, now: Date): Promise<KeyProblem | undefined> {
  const { certificate, component } = key;
  const name = `key ${fingerprintOf(component)}`;
  if (!openVerifyingKey(component.keyPacket))
    return { code: 'UNSUPPORTED_ALGORITHM', detail: `${name} is of an algorithm that is not verified here` };
  for (const { keyPacket } of [certificate, component])
    if (isShortDsa(keyPacket)) return { code: 'WEAK_ALGORITHM', detail: `${name} rests on DSA of less than 2048 bits` };
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

function isShortDsa(keyPacket: SigningKey['component']['keyPacket']): boolean {
  const { publicParams } = keyPacket as unknown as { publicParams: { p?: Uint8Array } };
  return keyPacket.algorithm === enums.publicKey.dsa && publicParams.p!.length < SHORTEST_DSA;
}

/** True for a key below a primary one. */
export function isSubkey(key: Key | Subkey): key is Subkey {
  return 'mainKey' in key;
}
