import * as asn1js from 'asn1js';
import { isCalendarTime } from '../calendar-time.js';

const UNIVERSAL = 0;
const MAX_DEPTH = 40;
const STRINGS: ReadonlySet<number> = new Set([3, 4, 12, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30]);
const UTC_TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d*[1-9])?Z$/;

/**
 * Reads exactly one value in distinguished encoding (ITU-T X.690, section 10), which the library alone does not insist on:
 * lengths are definite, short and fill what is around them, and basic values have one form. Throws a plain `Error`.
 */
export function readDer(bytes: Uint8Array, what: string): asn1js.AsnType {
  const own = Uint8Array.from(bytes);
  const end = checkValue(own, 0, own.length, 0, what);
  const { offset, result } = asn1js.fromBER(own);
  if (end !== own.length || offset !== own.length) throw new Error(`${what} is not one DER value`);
  return result;
}

function checkValue(bytes: Uint8Array, start: number, limit: number, depth: number, what: string): number {
  if (depth > MAX_DEPTH) throw new Error(`${what} is nested too deeply`);
  const identifier = bytes[start]!;
  const [from, end] = contentOf(bytes, start, limit, what);
  const isConstructed = (identifier & 0x20) !== 0;
  const [tagClass, tag] = [identifier >> 6, identifier & 0x1f];
  if (tagClass === UNIVERSAL && isConstructed && STRINGS.has(tag)) throw new Error(`${what} has a text in pieces`);
  if (isConstructed) for (let at = from; at < end;) at = checkValue(bytes, at, end, depth + 1, what);
  else if (tagClass === UNIVERSAL && !isWellFormed(tag, bytes.subarray(from, end)))
    throw new Error(`${what} has a malformed value`);
  return end;
}

/** Where the content of the value at `start` begins and ends. */
function contentOf(bytes: Uint8Array, start: number, limit: number, what: string): [from: number, end: number] {
  const bad = () => new Error(`${what} is not one DER value`);
  let at = start + 1;
  if ((bytes[start]! & 0x1f) === 0x1f) while (at < limit && (bytes[at++]! & 0x80) !== 0);
  if (at >= limit) throw bad();
  let length = bytes[at++]!;
  if (length >= 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > 4 || at + count > limit || bytes[at] === 0) throw bad();
    length = 0;
    for (const stop = at + count; at < stop; at += 1) length = length * 256 + bytes[at]!;
    if (length < 0x80) throw bad();
  }
  if (at + length > limit) throw bad();
  return [at, at + length];
}

function isWellFormed(tag: number, content: Uint8Array): boolean {
  switch (tag) {
    case 1:
      return content.length === 1 && (content[0] === 0 || content[0] === 0xff);
    case 2:
    case 10:
      return isShortestInteger(content);
    case 3:
      return isBitString(content);
    case 5:
      return content.length === 0;
    case 6:
      return content.length > 0 && content.at(-1)! < 0x80;
    case 12:
      return isUtf8(content);
    case 16:
    case 17:
      return false;
    case 18:
      return /^[0-9 ]*$/.test(textOf(content));
    case 19:
      // Not in the alphabet, but found in certificates and taken by their readers: "*" and "&".
      return /^[A-Za-z0-9 '()+,\-./:=?*&]*$/.test(textOf(content));
    case 22:
      return content.every((byte) => byte < 0x80);
    case 23:
      return isTime(UTC_TIME.exec(textOf(content)), (year) => (year < '50' ? `20${year}` : `19${year}`));
    case 24:
      return isTime(GENERALIZED_TIME.exec(textOf(content)), (year) => year);
    default:
      return true;
  }
}

function isShortestInteger(content: Uint8Array): boolean {
  if (content.length === 0) return false;
  const [first, second] = content;
  return second === undefined || !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
}

function isBitString(content: Uint8Array): boolean {
  const unused = content[0];
  if (unused === undefined || unused > 7) return false;
  if (content.length === 1) return unused === 0;
  return (content.at(-1)! & ((1 << unused) - 1)) === 0;
}

function isTime(match: RegExpExecArray | null, century: (year: string) => string): boolean {
  if (!match) return false;
  const [, year, month, day, hour, minute, second] = match;
  return isCalendarTime(`${century(year!)}-${month}-${day}T${hour}:${minute}:${second}`);
}

function isUtf8(content: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content);
    return true;
  } catch {
    return false;
  }
}

function textOf(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1');
}
