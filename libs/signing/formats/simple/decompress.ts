import { inflateRawSync, inflateSync } from 'node:zlib';
import Bunzip from 'seek-bzip';
import { refusal } from '../refusal.js';

/** Longest body that is given to the decoder of bzip2, in bytes: each block in it, however short, costs time of its own. */
const MAX_BZIP2 = 16 * 1024;
/** The header of bzip2 says how much memory a block may take; a block of 100 kB, the least, holds any signature. */
const BLOCK_SIZE = { at: 3, least: '1'.charCodeAt(0), most: '9'.charCodeAt(0) } as const;

/** By the number that OpenPGP gives to an algorithm (RFC 9580 section 9.4). */
const OPEN: Readonly<Record<number, (compressed: Uint8Array, limit: number) => Uint8Array>> = {
  0: (plain) => plain,
  1: (compressed, limit) => inflateRawSync(compressed, { maxOutputLength: limit }),
  2: (compressed, limit) => inflateSync(compressed, { maxOutputLength: limit }),
  3: bunzip,
};

/**
 * Opens the body of a compressed packet (RFC 9580 section 5.6). Throws a `MALFORMED_ENVELOPE` error when it is damaged, or
 * longer than `limit` bytes when opened. As in GnuPG what follows the compressed data is passed over.
 */
export function decompress(body: Uint8Array, limit: number): Uint8Array {
  const open = OPEN[body[0] ?? -1];
  if (!open) throw refusal('MALFORMED_ENVELOPE', `compression algorithm ${body[0] ?? ''} is not known`);
  try {
    return open(body.subarray(1), limit);
  } catch (error) {
    throw refusal('MALFORMED_ENVELOPE', 'the compressed packet is damaged, or too long when opened', error);
  }
}

function bunzip(compressed: Uint8Array, limit: number): Uint8Array {
  if (compressed.length > MAX_BZIP2) throw new RangeError(`more than ${MAX_BZIP2} bytes of bzip2`);
  const opened = Buffer.allocUnsafe(limit);
  let [read, written] = [0, 0];
  const input = Object.assign(new Bunzip.Stream(), {
    readByte: () => {
      if (read === compressed.length) throw new RangeError('the bzip2 data is cut short');
      const byte = compressed[read]!;
      return read++ === BLOCK_SIZE.at && byte <= BLOCK_SIZE.most ? Math.min(byte, BLOCK_SIZE.least) : byte;
    },
  });
  const writeByte = (byte: number) => {
    if (written === limit) throw new RangeError(`more than ${limit} bytes`);
    opened[written++] = byte;
  };
  Bunzip.decode(input, { writeByte });
  return Uint8Array.prototype.slice.call(opened, 0, written);
}
