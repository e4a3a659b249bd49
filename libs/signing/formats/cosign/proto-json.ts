import { refusal } from '../refusal.js';
import { isObject, type JsonObject } from '../strict-object.js';
import type { CheckCode } from '../../report.js';

/**
 * What a member of a message holds: a scalar, a message, a list of one of them. `enum` takes a name or a number, `struct` any
 * JSON object, `map` an object of texts, `time` an RFC 3339 text.
 */
export type Shape =
  'string' | 'bytes' | 'int64' | 'bool' | 'enum' | 'struct' | 'map' | 'time' | MessageShape | ListShape;

/** Members by their JSON names, which are the camel case of their names in the protocol, unless these are `verbatim` the same. */
export interface MessageShape {
  readonly verbatim?: boolean;
  readonly members: Readonly<Record<string, Shape>>;
}

/** A member that may be there many times. */
export interface ListShape {
  readonly each: Shape;
}

/** Whom to blame for what cannot be read. */
export interface Reading {
  readonly what: string;
  readonly code: CheckCode;
}

const INTEGER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const INT64 = 2n ** 63n;

/**
 * Reads a message as the clients do, which are all built with Go's protojson: names in camel or snake case, bytes in standard
 * or URL-safe base64, integers as numbers or texts, null for what is not there, and nothing that is not known. Gives back
 * the one canonical form (camel case, padded standard base64, integers as decimal texts); throws `DomainError`.
 */
export function readMessage(
  document: JsonObject,
  { members, verbatim = false }: MessageShape,
  reading: Reading,
): JsonObject {
  const read: Record<string, unknown> = {};
  const seen = new Set<string>();
  for (const [given, value] of Object.entries(document)) {
    const name = verbatim || Object.hasOwn(members, given) ? given : camelOf(given);
    const shape =
      Object.hasOwn(members, name) && (given === name || given === snakeOf(name)) ? members[name] : undefined;
    if (shape === undefined) throw malformed(reading, `the member "${given}" is unknown`);
    if (seen.has(name)) throw malformed(reading, `the member "${given}" is there twice`);
    seen.add(name);
    if (value !== null) read[name] = readValue(value, shape, { ...reading, what: `${reading.what}.${name}` });
  }
  return read;
}

function readValue(value: unknown, shape: Shape, reading: Reading): unknown {
  if (typeof shape === 'object' && 'each' in shape) {
    if (!Array.isArray(value)) throw malformed(reading, 'it is not a list');
    return value.map((each) => readValue(each, shape.each, reading));
  }
  if (typeof shape === 'object') {
    if (!isObject(value)) throw malformed(reading, 'it is not an object');
    return readMessage(value, shape, reading);
  }
  const read = SCALARS[shape](value);
  if (read === undefined) throw malformed(reading, `it is not a value of type ${shape}`);
  return read;
}

const SCALARS: Readonly<Record<Extract<Shape, string>, (value: unknown) => unknown>> = {
  string: (value) => (typeof value === 'string' ? value : undefined),
  bytes: (value) => (typeof value === 'string' ? bytesOf(value)?.toString('base64') : undefined),
  int64: integerOf,
  bool: (value) => (typeof value === 'boolean' ? value : undefined),
  enum: (value) => (typeof value === 'string' || Number.isSafeInteger(value) ? value : undefined),
  struct: (value) => (isObject(value) ? value : undefined),
  map: (value) =>
    isObject(value) && Object.values(value).every((text) => typeof text === 'string') ? value : undefined,
  time: (value) =>
    typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined,
};

/** Go leaves out line breaks and the bits behind the last byte, and takes padding by the length of the text. */
function bytesOf(text: string): Buffer | undefined {
  const plain = text.replace(/[\r\n]/g, '');
  const body = /^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)(?==*$)/.exec(plain)?.[0];
  if (body === undefined) return undefined;
  const padding = plain.length - body.length;
  const isWhole =
    text.length % 4 === 0 ? plain.length % 4 === 0 && padding <= 2 : padding === 0 && body.length % 4 !== 1;
  return isWhole ? Buffer.from(body, 'base64') : undefined;
}

function integerOf(value: unknown): string | undefined {
  if (typeof value !== 'number' && (typeof value !== 'string' || !INTEGER.test(value))) return undefined;
  const exact = /^-?\d+$/.test(String(value)) ? BigInt(value) : exactOf(Number(value));
  return exact !== undefined && exact >= -INT64 && exact < INT64 ? exact.toString() : undefined;
}

function exactOf(number: number): bigint | undefined {
  return Number.isSafeInteger(number) ? BigInt(number) : undefined;
}

function camelOf(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const malformed = ({ what, code }: Reading, problem: string) => refusal(code, `${what} cannot be read: ${problem}`);
