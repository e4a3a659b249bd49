import { Cursor } from './packets.js';
import { refusal } from '../refusal.js';

/** What a signature packet says before it is verified (RFC 9580 section 5.2). Hex is upper case. */
export interface SignatureFields {
  /** 3 stands for the older packets without subpackets. */
  readonly version: 3 | 4 | 6;
  readonly type: number;
  readonly publicKeyAlgorithm: number;
  readonly hashAlgorithm: number;
  readonly created: Date;
  /** Absent when the signature does not expire. */
  readonly expires?: Date;
  /** Of the issuer subpacket, which mostly is not signed: a hint where to look for the key. */
  readonly keyId?: string;
  /** Of the key that signed, which may be a subkey; signed itself. */
  readonly fingerprint?: string;
  /** Hashed before the document; of version 6, whose one-pass packet repeats it. */
  readonly salt?: Uint8Array;
  /** Hashed behind the document. */
  readonly trailer: Uint8Array;
  /** The algorithm's own numbers. */
  readonly numbers: Uint8Array;
  /** A critical subpacket that is not understood here. */
  readonly unhandled?: string;
}

const SUBPACKET = { created: 2, expires: 3, issuer: 16, notation: 20, issuerFingerprint: 33 } as const;

/** Subpackets that may be critical: what GnuPG accepts so. It knows of no notation. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  2, 3, 4, 5, 6, 7, 9, 11, 12, 16, 21, 22, 24, 25, 26, 27, 29, 30, 32, 33, 38,
]);

/** Longest area of subpackets, in bytes, as in GnuPG. */
const MAX_AREA = 10_000;

/** Reads a signature packet's body without looking at the algorithm's own numbers, so unknown algorithms pass. */
export function readSignaturePacket(body: Uint8Array): SignatureFields {
  const cursor = new Cursor(body);
  const version = cursor.byte();
  if (version === 2 || version === 3) return readOldPacket(cursor);
  if (version !== 4 && version !== 6)
    throw refusal(
      'UNSUPPORTED_FORMAT',
      `signature packets of version ${version} are not read; sign again with a current tool`,
    );
  const [type, publicKeyAlgorithm, hashAlgorithm] = [cursor.byte(), cursor.byte(), cursor.byte()];
  const width = version === 4 ? 2 : 4;
  const hashed = readArea(cursor, width);
  const head = body.subarray(0, 4 + width + hashed.length);
  const unhashed = readArea(cursor, width);
  cursor.take(2);
  const salt = version === 6 ? cursor.take(cursor.byte()) : undefined;
  const created = time(hashed.first.get(SUBPACKET.created));
  if (created === undefined) throw refusal('MALFORMED_ENVELOPE', 'the signature packet has no creation time');
  const lifetime = time(hashed.first.get(SUBPACKET.expires)) ?? 0;
  const unhandled = hashed.unhandled ?? unhashed.unhandled;
  return {
    version,
    type,
    publicKeyAlgorithm,
    hashAlgorithm,
    created: new Date(created * 1000),
    ...(lifetime > 0 && { expires: new Date((created + lifetime) * 1000) }),
    ...issuerOf(hashed, unhashed),
    ...(salt !== undefined && { salt }),
    trailer: Buffer.concat([head, Uint8Array.of(version, 0xff), uint32(head.length)]),
    numbers: numbersOf(cursor),
    ...(unhandled !== undefined && { unhandled }),
  };
}

/** The key id that belongs to a fingerprint: the end of a v4 one, the start of a v6 one. */
export function keyIdOf(fingerprint: string): string {
  return fingerprint.length === 40 ? fingerprint.slice(-16) : fingerprint.slice(0, 16);
}

/** Version 3 (RFC 9580 section 5.2.2); GnuPG wrote 2 for the same. Only the type and the time are hashed. */
function readOldPacket(cursor: Cursor): SignatureFields {
  cursor.byte();
  const trailer = cursor.take(5);
  const keyId = hex(cursor.take(8));
  const [publicKeyAlgorithm, hashAlgorithm] = [cursor.byte(), cursor.byte()];
  cursor.take(2);
  return {
    version: 3,
    type: trailer[0]!,
    publicKeyAlgorithm,
    hashAlgorithm,
    created: new Date(time(trailer.subarray(1))! * 1000),
    keyId,
    trailer,
    numbers: numbersOf(cursor),
  };
}

function numbersOf(cursor: Cursor): Uint8Array {
  if (cursor.atEnd) throw refusal('MALFORMED_ENVELOPE', 'the signature packet holds no signature');
  return cursor.rest();
}

/** The subpackets of one area. */
interface Area {
  readonly length: number;
  /** By type; of several of one type the first counts, as in GnuPG. */
  readonly first: ReadonlyMap<number, Uint8Array>;
  readonly unhandled?: string;
}

function issuerOf(hashed: Area, unhashed: Area): { keyId?: string; fingerprint?: string } {
  const id = hashed.first.get(SUBPACKET.issuer) ?? unhashed.first.get(SUBPACKET.issuer);
  // Who can change the area that is not signed could name any key there.
  const print = hashed.first.get(SUBPACKET.issuerFingerprint);
  return {
    ...(id?.length === 8 && { keyId: hex(id) }),
    ...((print?.length === 21 || print?.length === 33) && { fingerprint: hex(print.subarray(1)) }),
  };
}

function readArea(from: Cursor, width: number): Area {
  const length = from.number(width);
  if (length > MAX_AREA)
    throw refusal('MALFORMED_ENVELOPE', `the signature packet has more than ${MAX_AREA} bytes of subpackets`);
  const cursor = new Cursor(from.take(length));
  const first = new Map<number, Uint8Array>();
  let unhandled: string | undefined;
  while (!cursor.atEnd) {
    const subpacket = cursor.take(cursor.definiteLength());
    if (subpacket.length === 0) throw refusal('MALFORMED_ENVELOPE', 'the signature packet has an empty subpacket');
    const type = subpacket[0]! & 0x7f;
    if (!first.has(type)) first.set(type, subpacket.subarray(1));
    if (subpacket[0]! >= 0x80 && !UNDERSTOOD.has(type)) unhandled ??= describe(type, subpacket);
  }
  return { length, first, ...(unhandled !== undefined && { unhandled }) };
}

function describe(type: number, subpacket: Uint8Array): string {
  if (type !== SUBPACKET.notation || subpacket.length < 9) return `the critical subpacket of type ${type}`;
  const end = 9 + subpacket[5]! * 256 + subpacket[6]!;
  return `the critical notation ${JSON.stringify(Buffer.from(subpacket.subarray(9, end)).toString('latin1'))}`;
}

function time(value: Uint8Array | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value.length !== 4) throw refusal('MALFORMED_ENVELOPE', 'the signature packet has a malformed time');
  return Buffer.from(value).readUInt32BE();
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase();
}
