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

/** Problems of the primary and the signing key at one moment, as GnuPG would see them then; undefined when they are good. */
export async function findKeyProblem(key: SigningKey, at: Date): Promise<KeyProblem | undefined> {
  const { certificate, component } = key;
  if (component.keyPacket.created > at) {
    return {
      code: 'BAD_SIGNATURE',
      detail: `the key was made on ${component.keyPacket.created.toISOString()}, after the signature`,
    };
  }
  try {
    // A revocation without a harmless reason counts for all times; openpgp applies that by itself.
    await certificate.verifyPrimaryKey(at, undefined, STRICT);
    if (isSubkey(component)) await component.verify(at, STRICT);
    await certificate.getSigningKey(component.getKeyID(), at, undefined, STRICT);
    return undefined;
  } catch (error) {
    const detail = `key ${fingerprintOf(component)} on ${at.toISOString()}: ${messageOf(error)}`;
    const code = PATTERNS.find(([pattern]) => pattern.test(messageOf(error)))?.[1] ?? 'BAD_SIGNATURE';
    return { code, detail };
  }
}

/** True for a key below a primary one. */
export function isSubkey(key: Key | Subkey): key is Subkey {
  return 'mainKey' in key;
}
