import { PublicKeyDetails, type TransparencyLogInstance } from '@sigstore/protobuf-specs';
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { pemBlocks } from '../x509/pem.js';

/** When a log or an authority was trusted; both ends included. */
export interface Period {
  readonly start: Date;
  readonly end: Date;
}

/** A log that is trusted for signatures (Rekor) or certificates (CT). */
export interface TransparencyLog {
  /** What entries and promises name it by. */
  readonly id: Buffer;
  /** Its address as the trusted root has it; Rekor 2 goes by the host in it. */
  readonly address: string;
  readonly key: KeyObject;
  readonly validFor: Period;
}

const EC = 'ec';
const KEYS: Readonly<Partial<Record<PublicKeyDetails, readonly [kind: string, encoding: 'spki' | 'pkcs1']>>> = {
  [PublicKeyDetails.PKIX_ECDSA_P256_SHA_256]: [EC, 'spki'],
  [PublicKeyDetails.PKIX_ECDSA_P384_SHA_384]: [EC, 'spki'],
  [PublicKeyDetails.PKIX_ECDSA_P521_SHA_512]: [EC, 'spki'],
  [PublicKeyDetails.PKIX_RSA_PKCS1V15_2048_SHA256]: ['rsa', 'spki'],
  [PublicKeyDetails.PKIX_RSA_PKCS1V15_3072_SHA256]: ['rsa', 'spki'],
  [PublicKeyDetails.PKIX_RSA_PKCS1V15_4096_SHA256]: ['rsa', 'spki'],
  [PublicKeyDetails.PKIX_ED25519]: ['ed25519', 'spki'],
  [PublicKeyDetails.PKCS1_RSA_PKCS1V5]: ['rsa', 'pkcs1'],
};
const HASHES: Readonly<Record<string, string>> = { secp384r1: 'sha384', secp521r1: 'sha512' };
/** For what names no period. */
export const ALWAYS: Period = { start: new Date(0), end: new Date(8_640_000_000_000_000) };

/** A log of a trusted root, read as the clients do; throws a plain `Error` that says why they do without such a root. */
export function readLog({ baseUrl, logId, publicKey }: TransparencyLogInstance): TransparencyLog {
  if (!logId?.keyId.length || !publicKey?.rawBytes?.length)
    throw new Error(`the log ${baseUrl} has no key, or no name of it`);
  const [kind, type] = KEYS[publicKey.keyDetails] ?? [];
  const key = type && createPublicKey({ key: Buffer.from(publicKey.rawBytes), format: 'der', type });
  if (key?.asymmetricKeyType !== kind || key === undefined)
    throw new Error(`the key of the log ${baseUrl} is of no known kind`);
  const start = publicKey.validFor?.start;
  if (!start) throw new Error(`the log ${baseUrl} does not say since when its key is valid`);
  const validFor = { start, end: publicKey.validFor?.end ?? ALWAYS.end };
  return { id: Buffer.from(logId.keyId), address: baseUrl, key, validFor };
}

/** Logs that sign with the PEM keys; unreadable keys are left out, so that what they should prove stays unproven. */
export function logsOfKeys(texts: readonly string[]): TransparencyLog[] {
  return texts.flatMap((text) => pemBlocks(text).flatMap((block) => logOfKey(block.text)));
}

/** True when the key of a log made the signature. `hash` is for ECDSA and RSA. */
export function isSignedByLog(key: KeyObject, data: Uint8Array, signature: Uint8Array, hash: string): boolean {
  try {
    return verify(key.asymmetricKeyType === 'ed25519' ? undefined : hash, data, key, signature);
  } catch {
    return false;
  }
}

/** The hash that goes with a key of a log; with Ed25519 it goes unused. */
export function hashOfKey(key: KeyObject): string {
  return HASHES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'sha256';
}

/** The SHA-256 of a key: what Rekor 1 and CT logs go by. */
export function keyIdOf(key: KeyObject): Buffer {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
}

function logOfKey(pem: string): TransparencyLog[] {
  try {
    const key = createPublicKey(pem);
    return [{ id: keyIdOf(key), address: '', key, validFor: ALWAYS }];
  } catch {
    return [];
  }
}
