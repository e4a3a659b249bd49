import { isDigest } from '#oci/digest.js';
import { refusal } from '../refusal.js';
import { isObject, type JsonObject, readObject } from '../strict-object.js';

/** What a simple signature says (containers/image, "atomic container signature"). `timestamp` in seconds, not trusted. */
export interface SimplePayload {
  readonly manifestDigest: string;
  readonly reference: string;
  readonly creator?: string;
  readonly timestamp?: number;
}

const TYPE = 'atomic container signature';
const MIN_INT64 = -(2 ** 63);
const MAX_INT64 = 2 ** 63;

/** The payload as Go's encoder writes it: members in alphabetical order, no white space, `<>&` and line separators escaped. */
export function writeSimplePayload(payload: SimplePayload): Uint8Array {
  const document = {
    critical: {
      identity: { 'docker-reference': payload.reference },
      image: { 'docker-manifest-digest': payload.manifestDigest },
      type: TYPE,
    },
    optional: { creator: payload.creator, timestamp: payload.timestamp },
  };
  const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return Buffer.from(JSON.stringify(document).replace(/[<>&\u2028\u2029]/g, escape));
}

/** Reads a payload by the rules that containers/image enforces; throws a `MALFORMED_PAYLOAD` error. */
export function readSimplePayload(bytes: Uint8Array): SimplePayload {
  const top = members(readObject(bytes, 'the payload', 'MALFORMED_PAYLOAD'), 'the payload', ['critical', 'optional']);
  const critical = members(top['critical'], 'critical', ['identity', 'image', 'type']);
  const image = members(critical['image'], 'critical.image', ['docker-manifest-digest']);
  const identity = members(critical['identity'], 'critical.identity', ['docker-reference']);
  const manifestDigest = text(image['docker-manifest-digest'], 'critical.image.docker-manifest-digest');
  const reference = text(identity['docker-reference'], 'critical.identity.docker-reference');
  if (text(critical['type'], 'critical.type') !== TYPE) throw malformed(`critical.type must be "${TYPE}"`);
  if (!isDigest(manifestDigest)) throw malformed('critical.image.docker-manifest-digest is not a digest');
  if (reference === '') throw malformed('critical.identity.docker-reference is empty');
  return { manifestDigest, reference, ...optionalOf(top['optional']) };
}

function optionalOf(value: unknown): Pick<SimplePayload, 'creator' | 'timestamp'> {
  const { creator, timestamp } = object(value, 'optional');
  if (isGiven(timestamp) && !isInt64(timestamp)) throw malformed('optional.timestamp must be an integer');
  return {
    ...(isGiven(creator) && { creator: text(creator, 'optional.creator') }),
    ...(isGiven(timestamp) && { timestamp: timestamp as number }),
  };
}

/** Clients read null as if the member were not there. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isInt64(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= MIN_INT64 && (value as number) < MAX_INT64;
}

function members(value: unknown, where: string, names: readonly string[]): JsonObject {
  const found = object(value, where);
  for (const name of names) if (!Object.hasOwn(found, name)) throw malformed(`${where} lacks the member "${name}"`);
  for (const name of Object.keys(found)) {
    if (!names.includes(name)) throw malformed(`${where} has the unknown member "${name.slice(0, 64)}"`);
  }
  return found;
}

function object(value: unknown, where: string): JsonObject {
  if (isObject(value)) return value;
  throw malformed(`${where} must be an object`);
}

function text(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw malformed(`${where} must be a text`);
}

function malformed(message: string) {
  return refusal('MALFORMED_PAYLOAD', message);
}
