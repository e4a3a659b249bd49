import type { Cursor } from './packets.js';

/** A multiprecision integer: bit length, then the bytes without leading zeros (RFC 9580 section 3.2). */
export function writeInteger(bytes: Uint8Array): Uint8Array {
  const value = withoutZeros(bytes);
  const bits = value.length === 0 ? 0 : value.length * 8 - Math.clz32(value[0]!) + 24;
  return Buffer.concat([Uint8Array.of(bits >> 8, bits & 0xff), value]);
}

/** The bytes of a multiprecision integer without leading zeros; its bits are counted in whole bytes only. */
export function readInteger(cursor: Cursor): Uint8Array {
  return withoutZeros(cursor.take(Math.ceil(cursor.number(2) / 8)));
}

/** The bytes with zeros in front, up to a width; longer ones stay as they are. */
export function padded(bytes: Uint8Array, width: number): Uint8Array {
  return bytes.length >= width ? bytes : Buffer.concat([new Uint8Array(width - bytes.length), bytes]);
}

function withoutZeros(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  return start < 0 ? new Uint8Array() : bytes.subarray(start);
}
