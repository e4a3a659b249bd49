import { isDigest } from '#oci/digest.js';
import { refusal } from '../refusal.js';
import { readObject } from '../strict-object.js';

/** What an nv2 signature says: a manifest's descriptor, the names it goes by, times in seconds since the epoch. */
export interface Nv2Claims {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly references: readonly string[];
  readonly issuedAt?: number;
  readonly notBefore?: number;
  readonly expires?: number;
}

/** The claims as signers receive them. */
export function writeClaims(claims: Nv2Claims): Uint8Array {
  const { mediaType, digest, size, references, issuedAt, notBefore, expires } = claims;
  return Buffer.from(
    JSON.stringify({ mediaType, digest, size, references, exp: expires, nbf: notBefore, iat: issuedAt }),
  );
}

/** Reads the claims; throws a `MALFORMED_PAYLOAD` error. */
export function readClaims(bytes: Uint8Array): Nv2Claims {
  const {
    mediaType,
    digest,
    size,
    references = [],
    iat,
    nbf,
    exp,
  } = readObject(bytes, 'the payload', 'MALFORMED_PAYLOAD');
  if (typeof mediaType !== 'string' || mediaType === '') throw malformed('mediaType must be a text');
  if (typeof digest !== 'string' || !isDigest(digest)) throw malformed('digest must be a sha256 or sha512 digest');
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw malformed('size must be a number of bytes');
  if (!isTexts(references)) throw malformed('references must be a list of texts');
  const times = { issuedAt: seconds(iat, 'iat'), notBefore: seconds(nbf, 'nbf'), expires: seconds(exp, 'exp') };
  const known = Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined));
  return { mediaType, digest, size: size as number, references, ...known };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= 64 && value.every((each) => typeof each === 'string');
}

function seconds(value: unknown, name: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 0 && value < 1e11)) return value;
  throw malformed(`${name} must be seconds since the epoch`);
}

function malformed(message: string) {
  return refusal('MALFORMED_PAYLOAD', `the payload is malformed: ${message}`);
}
