import type { ByteRange } from './blob-store.js';

/** What a `Range` header asks of a blob: everything, some parts, or what it does not have. */
export type Ranges = 'all' | 'unsatisfiable' | readonly ByteRange[];

const MOST_RANGES = 64;
const LONGEST_HEADER = 8192;

/**
 * Reads a `Range` header against a size (RFC 9110, "Range Requests"). Headers that are malformed, of another unit, too long,
 * or that ask for much more than the whole are ignored, as the RFC allows: partial pulls break on 400.
 */
export function parseRanges(header: string | undefined, size: number): Ranges {
  if (header === undefined || header.length > LONGEST_HEADER || !/^bytes=/i.test(header)) return 'all';
  const specs = header.slice(6).split(',');
  if (specs.length > MOST_RANGES) return 'all';
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec.trim(), size);
    if (range === 'malformed') return 'all';
    if (range === 'reversed') return 'unsatisfiable';
    if (range) ranges.push(range);
  }
  if (ranges.length === 0) return 'unsatisfiable';
  const total = ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  return ranges.length > 1 && total > size ? 'all' : ranges;
}

function parseSpec(spec: string, size: number): ByteRange | 'malformed' | 'reversed' | undefined {
  const match = /^(\d{0,18})-(\d{0,18})$/.exec(spec);
  if (!match || spec === '-') return 'malformed';
  const [, first = '', last = ''] = match;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? undefined : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'reversed';
  return start >= size ? undefined : { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}

/** The frame of a `multipart/byteranges` body, so that its length is known before the first byte. */
export function multipartFrame(
  ranges: readonly ByteRange[],
  size: number,
  contentType: string,
  boundary: string,
): { readonly heads: readonly string[]; readonly tail: string; readonly length: number } {
  const heads = ranges.map(
    ({ start, end }, at) =>
      `${at === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Range: bytes ${start}-${end}/${size}\r\n\r\n`,
  );
  const tail = `\r\n--${boundary}--\r\n`;
  const content = ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  return { heads, tail, length: content + tail.length + heads.reduce((sum, head) => sum + head.length, 0) };
}
