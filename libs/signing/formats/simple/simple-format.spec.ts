import { generateKey } from 'openpgp';
import { type FormatFixture, describeSignatureFormat } from '../format-suite.js';
import { readPackets } from './packets.js';
import { simpleFormat } from './simple-format.js';

const date = new Date('2026-01-01T00:00:00Z');
const TRUST = { cosignKeys: [], certificates: [] };

/** A key made in this process. */
async function newKey(options: {
  type?: 'ecc' | 'rsa' | 'curve25519';
  curve?: 'nistP256' | 'nistP384' | 'nistP521';
  v6?: boolean;
}) {
  const { v6, ...rest } = options;
  return generateKey({
    userIDs: [{ name: 'Signer', email: 'signer@example.com' }],
    date,
    rsaBits: 2048,
    ...rest,
    config: { v6Keys: v6 === true },
  } as Parameters<typeof generateKey>[0] & { format?: 'armored' }) as unknown as Promise<{
    privateKey: string;
    publicKey: string;
  }>;
}

async function fixture(options: Parameters<typeof newKey>[0]): Promise<FormatFixture> {
  const [key, other] = await Promise.all([newKey(options), newKey({ type: 'ecc' })]);
  return {
    format: simpleFormat,
    signer: await simpleFormat.openSigner({ privateKey: key.privateKey }),
    trust: { ...TRUST, openpgpKeys: [key.publicKey] },
    otherTrust: { ...TRUST, openpgpKeys: [other.publicKey] },
    bindsReference: true,
    malleable,
  };
}

/**
 * Not signed (RFC 9580 section 5.2.4): what the one-pass packet repeats, the literal's mode, name and date, the signature
 * packet's unhashed area and start of the hash, and the bit lengths in front of its integers.
 */
function malleable(signature: Uint8Array): [number, number][] {
  const [onePass, literal, packet] = readPackets(signature).map((each) => each.body);
  const onePassAt = onePass!.byteOffset - signature.byteOffset;
  const saltEnd = onePass![0] === 6 ? 5 + onePass![4]! : 4;
  const repeated: [number, number][] = [
    [onePassAt + 1, onePassAt + 2],
    [onePassAt + 3, onePassAt + 4],
    [onePassAt + saltEnd, onePassAt + onePass!.length],
  ];
  const literalAt = literal!.byteOffset - signature.byteOffset;
  const at = packet!.byteOffset - signature.byteOffset;
  const number = (from: number, width: number) =>
    packet!.subarray(from, from + width).reduce((sum, byte) => sum * 256 + byte, 0);
  const width = packet![0] === 6 ? 4 : 2;
  const unhashed = 4 + width + number(4, width);
  const end = unhashed + width + number(unhashed, width);
  const lengths: [number, number][] = [];
  const integers = packet![0] === 4 && packet![2] !== 27;
  for (let from = end + 2; integers && from < packet!.length; from += 2 + Math.ceil(number(from, 2) / 8)) {
    lengths.push([at + from, at + from + 2]);
  }
  return [...repeated, [literalAt, literalAt + 6], [at + unhashed, at + end + 2], ...lengths];
}

describeSignatureFormat('simple, Ed25519', () => fixture({ type: 'ecc' }));
describeSignatureFormat('simple, RSA', () => fixture({ type: 'rsa' }));
describeSignatureFormat('simple, ECDSA P-256', () => fixture({ type: 'ecc', curve: 'nistP256' }));
describeSignatureFormat('simple, ECDSA P-384', () => fixture({ type: 'ecc', curve: 'nistP384' }));
describeSignatureFormat('simple, ECDSA P-521', () => fixture({ type: 'ecc', curve: 'nistP521' }));
describeSignatureFormat('simple, Ed25519 of RFC 9580', () => fixture({ type: 'curve25519' }));
describeSignatureFormat('simple, version 6 keys', () => fixture({ type: 'curve25519', v6: true }));
