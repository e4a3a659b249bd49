import { createPrivateKey, type KeyObject, sign as signCallback, type SignKeyObjectInput } from 'node:crypto';
import { promisify } from 'node:util';
import { enums } from 'openpgp';
import { padded, writeInteger } from './integers.js';

const signAsync = promisify(signCallback) as (
  algorithm: string | null,
  data: Uint8Array,
  key: SignKeyObjectInput,
) => Promise<Buffer>;

/** A v4 key whose signatures node:crypto makes. */
export interface NativeKey {
  readonly algorithm: number;
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly hashId: number;
  /** 20 bytes. */
  readonly fingerprint: Uint8Array;
  /** The algorithm's own part of the packet over the data to be hashed. `digest` is the hash of that data. */
  sign(toHash: Uint8Array, digest: Uint8Array): Promise<Uint8Array>;
}

type Params = Readonly<Record<string, Uint8Array>>;
interface SecretPacket {
  readonly version: number;
  readonly algorithm: number;
  readonly publicParams: Params & { readonly oid?: { getName(): string } };
  readonly privateParams: Params;
  getFingerprintBytes(): Uint8Array;
}

const CURVES: Readonly<Record<string, { crv: string; hash: NativeKey['hash']; size: number }>> = {
  nistP256: { crv: 'P-256', hash: 'sha256', size: 32 },
  nistP384: { crv: 'P-384', hash: 'sha384', size: 48 },
  nistP521: { crv: 'P-521', hash: 'sha512', size: 66 },
};

/** Opens a decrypted v4 secret key packet for RSA, Ed25519 or NIST ECDSA; undefined for every other kind. */
export function openNativeKey(keyPacket: unknown): NativeKey | undefined {
  const packet = keyPacket as SecretPacket;
  if (packet.version !== 4) return undefined;
  switch (packet.algorithm) {
    case enums.publicKey.rsaEncryptSign:
    case enums.publicKey.rsaSign:
      return rsaKey(packet);
    case enums.publicKey.eddsaLegacy:
      return packet.publicParams.oid?.getName() === 'ed25519Legacy'
        ? edKey(packet, packet.publicParams['Q']!.subarray(1))
        : undefined;
    case enums.publicKey.ed25519:
      return edKey(packet, packet.publicParams['A']!);
    case enums.publicKey.ecdsa:
      return ecdsaKey(packet);
    default:
      return undefined;
  }
}

function rsaKey(packet: SecretPacket): NativeKey {
  const { n, e } = packet.publicParams;
  const { d, p, q } = packet.privateParams;
  const [bigD, bigP, bigQ] = [integer(d!), integer(p!), integer(q!)];
  const numbers = { dp: bigD % (bigP - 1n), dq: bigD % (bigQ - 1n), qi: inverse(bigQ, bigP) };
  const crt = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, encode(bytesOf(value))]));
  const plain = Object.fromEntries(Object.entries({ n, e, d, p, q }).map(([name, value]) => [name, encode(value!)]));
  const key = createPrivateKey({ format: 'jwk', key: { kty: 'RSA', ...plain, ...crt } });
  return describe(packet, 'sha512', async (toHash) => writeInteger(await signAsync('sha512', toHash, { key })));
}

function edKey(packet: SecretPacket, x: Uint8Array): NativeKey {
  const d = padded(packet.privateParams['seed']!, 32);
  const key = createPrivateKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: encode(x), d: encode(d) } });
  const legacy = packet.algorithm === enums.publicKey.eddsaLegacy;
  return describe(packet, 'sha256', async (_, digest) => {
    const raw = await signAsync(null, digest, { key });
    return legacy ? Buffer.concat([writeInteger(raw.subarray(0, 32)), writeInteger(raw.subarray(32))]) : raw;
  });
}

function ecdsaKey(packet: SecretPacket): NativeKey | undefined {
  const curve = CURVES[packet.publicParams.oid?.getName() ?? ''];
  if (!curve) return undefined;
  const point = packet.publicParams['Q']!.subarray(1);
  const [x, y] = [point.subarray(0, curve.size), point.subarray(curve.size)];
  const d = padded(packet.privateParams['d']!, curve.size);
  const key: KeyObject = createPrivateKey({
    format: 'jwk',
    key: { kty: 'EC', crv: curve.crv, x: encode(x), y: encode(y), d: encode(d) },
  });
  return describe(packet, curve.hash, async (toHash) => {
    const raw = await signAsync(curve.hash, toHash, { key, dsaEncoding: 'ieee-p1363' });
    return Buffer.concat([writeInteger(raw.subarray(0, curve.size)), writeInteger(raw.subarray(curve.size))]);
  });
}

function describe(packet: SecretPacket, hash: NativeKey['hash'], sign: NativeKey['sign']): NativeKey {
  return {
    algorithm: packet.algorithm,
    hash,
    hashId: enums.hash[hash],
    fingerprint: packet.getFingerprintBytes(),
    sign,
  };
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

function integer(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function bytesOf(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [low, high, a, b] = [value % modulus, modulus, 1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high, a, b] = [high - quotient * low, low, b - quotient * a, a];
  }
  return ((a % modulus) + modulus) % modulus;
}
