import { isDigest } from '#oci/digest.js';
import { refusal } from '../refusal.js';
import { isObject, readObject } from '../strict-object.js';

/** Type member of payloads that cosign signs. */
export const COSIGN_PAYLOAD_TYPE = 'cosign container image signature';
const TYPES: ReadonlySet<unknown> = new Set([COSIGN_PAYLOAD_TYPE, 'atomic container signature']);

/** What a simple-signing payload says. */
export interface SimplePayload {
  readonly manifestDigest: string;
  readonly reference: string;
  readonly creator?: string;
  readonly timestamp?: number;
  /** The whole `optional` member, where cosign keeps annotations. */
  readonly optional: Readonly<Record<string, unknown>>;
}

/** The payload of a tag-scheme signature, with the full reference and the members that containers/image writes. */
export function encodeSimplePayload(manifestDigest: string, reference: string, now?: Date): Uint8Array {
  const payload = {
    critical: {
      identity: { 'docker-reference': reference },
      image: { 'docker-manifest-digest': manifestDigest },
      type: COSIGN_PAYLOAD_TYPE,
    },
    optional: { creator: 'hallmark', ...(now ? { timestamp: Math.floor(now.getTime() / 1000) } : {}) },
  };
  return Buffer.from(JSON.stringify(payload));
}

/** Reads a payload strictly; throws `DomainError` with `MALFORMED_PAYLOAD`. */
export function readSimplePayload(bytes: Uint8Array): SimplePayload {
  const document = readObject(bytes, 'the payload', 'MALFORMED_PAYLOAD');
  const critical = members(document, 'critical', 'optional')['critical'];
  if (!isObject(critical)) throw malformed('"critical" must be an object');
  const { identity, image, type } = members(critical, 'identity', 'image', 'type');
  if (!TYPES.has(type)) throw malformed(`"type" must be "${COSIGN_PAYLOAD_TYPE}"`);
  const reference = isObject(identity) ? members(identity, 'docker-reference')['docker-reference'] : undefined;
  const digest = isObject(image) ? members(image, 'docker-manifest-digest')['docker-manifest-digest'] : undefined;
  if (typeof reference !== 'string') throw malformed('"docker-reference" must be a text');
  if (typeof digest !== 'string' || !isDigest(digest)) throw malformed('"docker-manifest-digest" must be a digest');
  return { manifestDigest: digest, reference, ...readOptional(document['optional']) };
}

function readOptional(optional: unknown): Pick<SimplePayload, 'creator' | 'timestamp' | 'optional'> {
  if (optional === undefined || optional === null) return { optional: {} };
  if (!isObject(optional)) throw malformed('"optional" must be an object');
  const { creator, timestamp } = optional;
  return {
    optional: { ...optional },
    ...(typeof creator === 'string' ? { creator } : {}),
    ...(Number.isSafeInteger(timestamp) ? { timestamp: timestamp as number } : {}),
  };
}

function members(object: Readonly<Record<string, unknown>>, ...known: string[]): Readonly<Record<string, unknown>> {
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown !== undefined) throw malformed(`the member "${unknown}" is unknown`);
  return object;
}

const malformed = (problem: string) => refusal('MALFORMED_PAYLOAD', `the simple-signing payload is wrong: ${problem}`);
