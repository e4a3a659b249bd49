import { constants, sign, verify, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** Signature algorithms of notation, by their JOSE name. */
export type Algorithm = 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512';

interface AlgorithmFacts {
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly cose: number;
  /** The name that notation's inspection prints. */
  readonly title: string;
}

/** What belongs to each algorithm (RFC 7518, RFC 9053). */
export const ALGORITHMS: Readonly<Record<Algorithm, AlgorithmFacts>> = {
  PS256: { hash: 'sha256', cose: -37, title: 'RSASSA-PSS-SHA-256' },
  PS384: { hash: 'sha384', cose: -38, title: 'RSASSA-PSS-SHA-384' },
  PS512: { hash: 'sha512', cose: -39, title: 'RSASSA-PSS-SHA-512' },
  ES256: { hash: 'sha256', cose: -7, title: 'ECDSA-SHA-256' },
  ES384: { hash: 'sha384', cose: -35, title: 'ECDSA-SHA-384' },
  ES512: { hash: 'sha512', cose: -36, title: 'ECDSA-SHA-512' },
};

/** True for the JOSE name of an algorithm that notation allows. */
export function isAlgorithm(name: unknown): name is Algorithm {
  return typeof name === 'string' && Object.hasOwn(ALGORITHMS, name);
}

/** The algorithm behind a COSE identifier, or undefined. */
export function algorithmOfCose(id: unknown): Algorithm | undefined {
  return (Object.keys(ALGORITHMS) as Algorithm[]).find((name) => ALGORITHMS[name].cose === id);
}

const BY_RSA_LENGTH = new Map<number, Algorithm>([
  [2048, 'PS256'],
  [3072, 'PS384'],
  [4096, 'PS512'],
]);
const BY_CURVE = new Map<string, Algorithm>([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);

/** The only algorithm that notation allows for a key; undefined for keys that may not sign. */
export function algorithmOfKey(key: KeyObject): Algorithm | undefined {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'rsa') return BY_RSA_LENGTH.get(details?.modulusLength ?? 0);
  return key.asymmetricKeyType === 'ec' ? BY_CURVE.get(details?.namedCurve ?? '') : undefined;
}

/** True when the signature is right. `anySalt`: JWS verifiers take every PSS salt length, COSE wants the hash length. */
export function isSignatureValid(
  algorithm: Algorithm,
  key: KeyObject,
  signed: Uint8Array,
  signature: Uint8Array,
  anySalt: boolean,
): boolean {
  const saltLength = anySalt ? constants.RSA_PSS_SALTLEN_AUTO : constants.RSA_PSS_SALTLEN_DIGEST;
  try {
    return verify(ALGORITHMS[algorithm].hash, signed, { key, ...paddingOf(algorithm), saltLength }, signature);
  } catch {
    return false;
  }
}

const signAsync = promisify(sign);

/** Signs off the main thread: PSS with a salt as long as the hash, ECDSA as raw r‖s. */
export function signBytes(algorithm: Algorithm, key: KeyObject, bytes: Uint8Array): Promise<Buffer> {
  const options = { key, ...paddingOf(algorithm), saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return signAsync(ALGORITHMS[algorithm].hash, bytes, options);
}

function paddingOf(algorithm: Algorithm) {
  if (algorithm.startsWith('PS')) return { padding: constants.RSA_PKCS1_PSS_PADDING };
  return { dsaEncoding: 'ieee-p1363' as const };
}
