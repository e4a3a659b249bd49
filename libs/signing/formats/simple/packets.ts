import { refusal } from '../refusal.js';

/** Packet types that a signed message is made of (RFC 9580 section 5). */
export const PacketTag = { signature: 2, onePass: 4, compressed: 8, marker: 10, literal: 11 } as const;

/** One OpenPGP packet; `body` without header, partial lengths joined. */
export interface Packet {
  readonly tag: number;
  readonly body: Uint8Array;
}

const MAX_PACKETS = 32;
const STREAMED: ReadonlySet<number> = new Set([PacketTag.compressed, PacketTag.literal]);

/** Cuts binary OpenPGP data into packets; throws a `MALFORMED_ENVELOPE` error when the bytes do not end with a packet. */
export function readPackets(bytes: Uint8Array): Packet[] {
  const packets: Packet[] = [];
  const cursor = new Cursor(bytes);
  while (!cursor.atEnd) {
    if (packets.length === MAX_PACKETS) throw malformed(`the message has more than ${MAX_PACKETS} packets`);
    const header = cursor.byte();
    if ((header & 0x80) === 0) throw malformed('the bytes are not binary OpenPGP packets');
    packets.push((header & 0x40) === 0 ? oldPacket(header, cursor) : newPacket(header & 0x3f, cursor));
  }
  return packets;
}

/** A packet with a new-format header and a definite length. */
export function writePacket(tag: number, body: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(0xc0 | tag), writeLength(body.length), body]);
}

/** A length as new-format packets and signature subpackets write it. */
export function writeLength(length: number): Uint8Array {
  if (length < 192) return Uint8Array.of(length);
  if (length < 8384) return Uint8Array.of(((length - 192) >> 8) + 192, (length - 192) & 0xff);
  return Uint8Array.of(0xff, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff);
}

/** Reads big-endian numbers and runs of bytes; throws a `MALFORMED_ENVELOPE` error past the end. */
export class Cursor {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  number(width: number): number {
    return this.take(width).reduce((value, byte) => value * 256 + byte, 0);
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw malformed('the message is cut short');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** A length as new-format packets and subpackets write it; 224 to 254, which start a part, must be looked at before. */
  definiteLength(): number {
    const first = this.byte();
    if (first < 192) return first;
    return first === 255 ? this.number(4) : ((first - 192) << 8) + this.byte() + 192;
  }

  /** The next byte, which stays. */
  peek(): number {
    if (this.atEnd) throw malformed('the message is cut short');
    return this.bytes[this.at]!;
  }

  rest(): Uint8Array {
    return this.take(this.bytes.length - this.at);
  }
}

function oldPacket(header: number, cursor: Cursor): Packet {
  const tag = (header >> 2) & 0x0f;
  const width = [1, 2, 4, 0][header & 3]!;
  if (width > 0) return { tag, body: cursor.take(cursor.number(width)) };
  if (!STREAMED.has(tag)) throw malformed('a packet of this type needs a length');
  return { tag, body: cursor.rest() };
}

function newPacket(tag: number, cursor: Cursor): Packet {
  const parts: Uint8Array[] = [];
  for (;;) {
    const first = cursor.peek();
    if (first < 224 || first === 255) {
      parts.push(cursor.take(cursor.definiteLength()));
      return { tag, body: parts.length === 1 ? parts[0]! : Buffer.concat(parts) };
    }
    if (!STREAMED.has(tag)) throw malformed('a packet of this type must not have partial lengths');
    parts.push(cursor.take(1 << (cursor.byte() & 0x1f)));
  }
}

function malformed(message: string) {
  return refusal('MALFORMED_ENVELOPE', message);
}
