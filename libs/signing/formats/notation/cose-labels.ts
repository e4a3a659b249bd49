import { Tag } from 'cbor2';
import { refuse } from './envelope.js';

/** Header parameters of COSE that notation does not use, but whose form is fixed (RFC 9052, 9338 and 9596). */
const Label = {
  keyId: 4,
  iv: 5,
  partialIv: 6,
  countersignature: 7,
  countersignature0: 9,
  countersignatureV2: 11,
  countersignature0V2: 12,
  type: 16,
} as const;
const COUNTERSIGNATURES: ReadonlySet<unknown> = new Set([
  Label.countersignature,
  Label.countersignature0,
  Label.countersignatureV2,
  Label.countersignature0V2,
]);
/** The CBOR tag of seconds since the epoch. */
export const EPOCH_TAG = 1;
const TEXT_TIME_TAG = 0;

type Header = ReadonlyMap<unknown, unknown>;

/** Checks labels and values of both headers, as readers of COSE do; throws `MALFORMED_ENVELOPE`. */
export function checkLabels(protectedHeader: Header, header: Header): void {
  for (const [label, value] of protectedHeader) {
    if (COUNTERSIGNATURES.has(label)) throw refuse(`The header ${String(label)} must not be protected.`);
    if (!isSound(label, value) || !everyTag(value, isTime)) throw malformed(label);
  }
  for (const [label, value] of header) {
    if (!isSound(label, value) || !everyTag(value, () => false)) throw malformed(label);
  }
  const both = new Set([...protectedHeader.keys(), ...header.keys()]);
  if (both.has(Label.iv) && both.has(Label.partialIv)) throw refuse('The envelope has two initialization vectors.');
}

function malformed(label: unknown): Error {
  const name = typeof label === 'string' || typeof label === 'number' ? String(label).slice(0, 80) : 'without name';
  return refuse(`The header ${name} has a form that COSE does not allow.`);
}

function isSound(label: unknown, value: unknown): boolean {
  if (typeof label !== 'string' && typeof label !== 'bigint' && !Number.isInteger(label)) return false;
  switch (label) {
    case Label.keyId:
    case Label.iv:
    case Label.partialIv:
    case Label.countersignature0:
    case Label.countersignature0V2:
      return value instanceof Uint8Array;
    case Label.countersignature:
    case Label.countersignatureV2:
      return isCountersignature(value) || (Array.isArray(value) && value.length > 0 && value.every(isCountersignature));
    case Label.type:
      return typeof value === 'string'
        ? /^[^/]*\/[^/]*$/.test(value) && value === value.replace(/^ | $/g, '')
        : Number.isInteger(value) && (value as number) >= 0;
    default:
      return true;
  }
}

function isCountersignature(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false;
  return value[0] instanceof Uint8Array && value[1] instanceof Map && value[2] instanceof Uint8Array;
}

/** A time as text or as seconds is one; other tags say nothing that is known here. */
function isTime({ tag, contents }: Tag): boolean {
  if (Number(tag) === EPOCH_TAG) return typeof contents === 'number' || typeof contents === 'bigint';
  if (Number(tag) === TEXT_TIME_TAG) return typeof contents === 'string' && !Number.isNaN(Date.parse(contents));
  return true;
}

function everyTag(value: unknown, holds: (tag: Tag) => boolean): boolean {
  if (value instanceof Tag) return holds(value) && everyTag(value.contents, holds);
  if (Array.isArray(value)) return value.every((part) => everyTag(part, holds));
  if (value instanceof Map) return [...value].every((entry) => everyTag(entry, holds));
  return true;
}
