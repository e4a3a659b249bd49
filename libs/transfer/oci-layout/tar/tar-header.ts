import { refused } from './refusal.js';

/** What a header block says. `name` is as written, `type` the type flag. */
export interface TarHeader {
  readonly name: Buffer;
  readonly size: number;
  readonly type: string;
}

/** Reads a header block and checks its sum. */
export function readTarHeader(block: Buffer): TarHeader {
  if (octalAt(block, 148, 8) !== sumOf(block))
    throw refused('The file is not a tar archive, or a header in it is damaged. Send a tar, a tar.gz or a tar.zst.');
  const posix = block.toString('latin1', 257, 263) === 'ustar\0';
  const name = textAt(block, 0, 100);
  const prefix = posix ? textAt(block, 345, 155) : Buffer.alloc(0);
  return {
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]),
    size: numberAt(block, 124, 12),
    type: block[156] === 0 ? '0' : String.fromCharCode(block[156]!),
  };
}

function sumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < block.length; at += 1) if (at < 148 || at >= 156) sum += block[at]!;
  return sum;
}

function textAt(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** A number in octal, or in base 256 when the first bit is set (GNU). */
function numberAt(block: Buffer, at: number, length: number): number {
  const first = block[at]!;
  if (first < 0x80) return octalAt(block, at, length) ?? bad();
  if (first !== 0x80) return bad();
  let value = 0n;
  for (const byte of block.subarray(at + 1, at + length)) value = (value << 8n) | BigInt(byte);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? bad() : Number(value);
}

function octalAt(block: Buffer, at: number, length: number): number | undefined {
  const match = /^ *([0-7]+)[ \0]*$/.exec(block.toString('latin1', at, at + length));
  return match ? Number.parseInt(match[1]!, 8) : undefined;
}

function bad(): never {
  throw refused('A header in the archive has a size that is no number.');
}
