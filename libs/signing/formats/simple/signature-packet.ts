import { Cursor } from './packets.js';
import { refusal } from '../refusal.js';

/** What a signature packet of version 4 or 6 says before it is verified (RFC 9580 section 5.2.3). Hex is upper case. */
export interface SignatureFields {
  readonly version: 4 | 6;
  readonly type: number;
  readonly publicKeyAlgorithm: number;
  readonly hashAlgorithm: number;
  readonly created: Date;
  /** Absent when the signature does not expire. */
  readonly expires?: Date;
  readonly keyId?: string;
  /** Of the key that signed, which may be a subkey. */
  readonly fingerprint?: string;
  /** Of version 6, in upper-case hex; the one-pass packet repeats it. */
  readonly salt?: string;
  /** The packet body. */
  readonly body: Uint8Array;
}

const SUBPACKET = { created: 2, expires: 3, issuer: 16, issuerFingerprint: 33 } as const;

/** Reads a signature packet's body without looking at the algorithm's own numbers, so unknown algorithms pass. */
export function readSignaturePacket(body: Uint8Array): SignatureFields {
  const cursor = new Cursor(body);
  const version = cursor.byte();
  if (version !== 4 && version !== 6) {
    throw refusal(
      'UNSUPPORTED_FORMAT',
      `signature packets of version ${version} are not read; sign again with a current tool`,
    );
  }
  const [type, publicKeyAlgorithm, hashAlgorithm] = [cursor.byte(), cursor.byte(), cursor.byte()];
  const width = version === 4 ? 2 : 4;
  const hashed = subpackets(cursor.take(cursor.number(width)));
  const unhashed = subpackets(cursor.take(cursor.number(width)));
  cursor.take(2);
  const salt = version === 6 ? hex(cursor.take(cursor.byte())) : undefined;
  if (cursor.atEnd) throw refusal('MALFORMED_ENVELOPE', 'the signature packet holds no signature');
  const created = time(hashed.get(SUBPACKET.created));
  if (created === undefined) throw refusal('MALFORMED_ENVELOPE', 'the signature packet has no creation time');
  const lifetime = time(hashed.get(SUBPACKET.expires)) ?? 0;
  return {
    version,
    type,
    publicKeyAlgorithm,
    hashAlgorithm,
    created: new Date(created * 1000),
    ...(lifetime > 0 && { expires: new Date((created + lifetime) * 1000) }),
    ...issuerOf(hashed, unhashed),
    ...(salt !== undefined && { salt }),
    body,
  };
}

/** The key id that belongs to a fingerprint: the end of a v4 one, the start of a v6 one. */
export function keyIdOf(fingerprint: string): string {
  return fingerprint.length === 40 ? fingerprint.slice(-16) : fingerprint.slice(0, 16);
}

function issuerOf(
  hashed: Map<number, Uint8Array>,
  unhashed: Map<number, Uint8Array>,
): { keyId?: string; fingerprint?: string } {
  const [id, print] = [SUBPACKET.issuer, SUBPACKET.issuerFingerprint].map(
    (type) => hashed.get(type) ?? unhashed.get(type),
  );
  const fingerprint = print && hex(print.subarray(1));
  if (print && fingerprint!.length !== (print[0] === 4 ? 40 : 64)) {
    throw refusal('MALFORMED_ENVELOPE', 'the issuer fingerprint has a wrong length');
  }
  const keyId = id ? hex(id) : fingerprint && keyIdOf(fingerprint);
  if (keyId !== undefined && keyId.length !== 16)
    throw refusal('MALFORMED_ENVELOPE', 'the issuer key id has a wrong length');
  // The key id is not signed: one that contradicts the fingerprint was put there by somebody else.
  if (fingerprint && keyId !== keyIdOf(fingerprint)) {
    throw refusal('MALFORMED_ENVELOPE', 'the issuer key id and the issuer fingerprint name different keys');
  }
  return { ...(keyId !== undefined && { keyId }), ...(fingerprint !== undefined && { fingerprint }) };
}

function subpackets(area: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const cursor = new Cursor(area);
  while (!cursor.atEnd) {
    const first = cursor.byte();
    const length = first < 192 ? first : first === 255 ? cursor.number(4) : ((first - 192) << 8) + cursor.byte() + 192;
    if (length === 0) throw refusal('MALFORMED_ENVELOPE', 'the signature packet has an empty subpacket');
    const subpacket = cursor.take(length);
    found.set(subpacket[0]! & 0x7f, subpacket.subarray(1));
  }
  return found;
}

function time(value: Uint8Array | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value.length !== 4) throw refusal('MALFORMED_ENVELOPE', 'the signature packet has a malformed time');
  return Buffer.from(value).readUInt32BE();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase();
}
