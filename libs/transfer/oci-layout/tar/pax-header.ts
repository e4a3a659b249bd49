import { refused, shown } from './refusal.js';

/** What an extended header says of the member after it. */
export interface PaxOverrides {
  readonly path?: Buffer;
  readonly size?: number;
}

const FORBIDDEN = /^(?:linkpath$|GNU\.sparse\.|RHT\.security|SCHILY\.(?:realsize|filetype|devmajor|devminor))/;

/**
 * Reads the records of a pax extended header (POSIX.1-2017, pax, "pax Extended Header"). Names and sizes count, times and
 * owners are passed over, and whatever makes a link, a device or a sparse file is refused.
 */
export function readPaxHeader(body: Buffer): PaxOverrides {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < body.length;) {
    const { key, value, next } = recordAt(body, at);
    if (records.has(key)) throw refused(`An extended header in the archive names ${shown(key)} twice.`);
    if (FORBIDDEN.test(key))
      throw refused(`An extended header in the archive has ${shown(key)}, which is not allowed.`);
    records.set(key, value);
    at = next;
  }
  const path = records.get('path');
  const size = records.get('size');
  return { ...(path ? { path } : {}), ...(size ? { size: sizeOf(size) } : {}) };
}

function recordAt(body: Buffer, at: number): { key: string; value: Buffer; next: number } {
  const space = body.indexOf(0x20, at);
  const digits = space < 0 ? '' : body.toString('latin1', at, Math.min(space, at + 8));
  const next = /^[1-9]\d{0,6}$/.test(digits) ? at + Number(digits) : 0;
  const equals = body.indexOf(0x3d, space);
  if (next <= space || next > body.length || body[next - 1] !== 0x0a || equals < 0 || equals >= next - 1)
    throw refused('An extended header in the archive is malformed.');
  return { key: body.toString('utf8', space + 1, equals), value: body.subarray(equals + 1, next - 1), next };
}

function sizeOf(value: Buffer): number {
  const text = value.toString('latin1');
  if (!/^(?:0|[1-9]\d{0,15})$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw refused('An extended header in the archive has a size that is no number.');
  return Number(text);
}
