import { BitString, Integer, ObjectIdentifier, Sequence } from 'asn1js';
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { enums } from 'openpgp';
import { padded, readInteger } from './integers.js';
import { Cursor } from './packets.js';

/** A public key at work. `numbers` is the algorithm's own part of a signature packet. */
export interface VerifyingKey {
  /** Shortest hash that the algorithm takes with this key, in bytes. */
  readonly shortestHash: number;
  /** True when the numbers are right for the hashed data; throws a malformed envelope error when they are cut short. */
  verify(hash: string, data: Uint8Array, digest: Uint8Array, numbers: Uint8Array): boolean;
}

type Params = Readonly<Record<string, Uint8Array>>;
interface PublicPacket {
  readonly algorithm: number;
  readonly publicParams: Params & { readonly oid?: { getName(): string } };
}

/** Object identifier, and bytes of a coordinate. */
const CURVES: Readonly<Record<string, readonly [oid: string, size: number]>> = {
  nistP256: ['1.2.840.10045.3.1.7', 32],
  nistP384: ['1.3.132.0.34', 48],
  nistP521: ['1.3.132.0.35', 66],
  secp256k1: ['1.3.132.0.10', 32],
  brainpoolP256r1: ['1.3.36.3.3.2.8.1.1.7', 32],
  brainpoolP384r1: ['1.3.36.3.3.2.8.1.1.11', 48],
  brainpoolP512r1: ['1.3.36.3.3.2.8.1.1.13', 64],
};
const OID = { ecPublicKey: '1.2.840.10045.2.1', dsa: '1.2.840.10040.4.1' } as const;

/** Longest hash there is, in bytes: a longer key takes it too. */
const LONGEST_HASH = 64;
/** EdDSA signs a hash here, which must be as long as that of SHA-256 (RFC 9580 section 5.2.3.4). */
const EDDSA_HASH = 32;

const opened = new WeakMap<object, VerifyingKey | undefined>();

/** Opens a key packet of openpgp for node:crypto; undefined for algorithms, curves and numbers that make no key. */
export function openVerifyingKey(keyPacket: object): VerifyingKey | undefined {
  if (!opened.has(keyPacket)) opened.set(keyPacket, open(keyPacket as PublicPacket));
  return opened.get(keyPacket);
}

function open({ algorithm, publicParams }: PublicPacket): VerifyingKey | undefined {
  try {
    switch (algorithm) {
      case enums.publicKey.rsaEncryptSign:
      case enums.publicKey.rsaSign:
        return rsaKey(publicParams);
      case enums.publicKey.dsa:
        return dsaKey(publicParams);
      case enums.publicKey.ecdsa:
        return ecdsaKey(publicParams['Q']!, CURVES[publicParams.oid!.getName()]);
      case enums.publicKey.eddsaLegacy:
        return edKey('Ed25519', publicParams['Q']!.subarray(1), (numbers) => readPair(numbers, 32));
      case enums.publicKey.ed25519:
        return edKey('Ed25519', publicParams['A']!, (numbers) => new Cursor(numbers).take(64));
      case enums.publicKey.ed448:
        return edKey('Ed448', publicParams['A']!, (numbers) => new Cursor(numbers).take(114));
    }
  } catch {
    // Numbers that OpenSSL takes for no key, such as a point beside its curve.
  }
  return undefined;
}

function rsaKey({ n, e }: Params): VerifyingKey {
  const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', n: base64url(n!), e: base64url(e!) } });
  const size = Math.ceil(key.asymmetricKeyDetails!.modulusLength! / 8);
  return {
    shortestHash: 0,
    verify: (hash, data, _, numbers) => {
      const number = readInteger(new Cursor(numbers));
      return number.length <= size && verify(hash, data, key, padded(number, size));
    },
  };
}

function dsaKey({ p, q, g, y }: Params): VerifyingKey {
  const [prime, order, generator] = [p, q, g].map((value) => integer(value!));
  const domain = new Sequence({ value: [prime!, order!, generator!] });
  return pairKey(keyOf(OID.dsa, domain, integer(y!).toBER()), q!.length, q!.length);
}

function ecdsaKey(point: Uint8Array, curve: readonly [oid: string, size: number] | undefined) {
  if (!curve) return undefined;
  const [oid, size] = curve;
  return pairKey(
    keyOf(OID.ecPublicKey, new ObjectIdentifier({ value: oid }), point),
    size,
    Math.min(size, LONGEST_HASH),
  );
}

function pairKey(key: KeyObject, size: number, shortestHash: number): VerifyingKey {
  return {
    shortestHash,
    verify: (hash, data, _, numbers) => verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, readPair(numbers, size)),
  };
}

function edKey(crv: 'Ed25519' | 'Ed448', x: Uint8Array, read: (numbers: Uint8Array) => Uint8Array): VerifyingKey {
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv, x: base64url(x) } });
  return {
    shortestHash: EDDSA_HASH,
    verify: (_hash, _data, digest, numbers) => verify(null, digest, key, read(numbers)),
  };
}

/** A SubjectPublicKeyInfo (RFC 5280 section 4.1), which names curves that JWK does not know. */
function keyOf(algorithm: string, parameters: ObjectIdentifier | Sequence, bits: Uint8Array | ArrayBuffer): KeyObject {
  const identifier = new Sequence({ value: [new ObjectIdentifier({ value: algorithm }), parameters] });
  const spki = new Sequence({ value: [identifier, new BitString({ valueHex: new Uint8Array(bits).buffer })] });
  return createPublicKey({ key: Buffer.from(spki.toBER()), format: 'der', type: 'spki' });
}

function integer(bytes: Uint8Array): Integer {
  return Integer.fromBigInt(BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

/** Two integers of one width, as IEEE P1363 has them. Longer ones are no signature: they become one of the wrong length. */
function readPair(numbers: Uint8Array, size: number): Uint8Array {
  const cursor = new Cursor(numbers);
  return Buffer.concat([padded(readInteger(cursor), size), padded(readInteger(cursor), size)]);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
