import type { Descriptor } from '#oci/descriptor.js';
import { isDigest } from '#oci/digest.js';
import { isObject, type JsonObject, readObject } from '../strict-object.js';
import { refuse } from './envelope.js';

/** What a notation signature speaks of. */
export interface TargetArtifact {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The payload for a manifest: only type, digest and size of the descriptor, members sorted as notation writes them. */
export function notationPayload({
  mediaType,
  digest,
  size,
}: Pick<Descriptor, 'mediaType' | 'digest' | 'size'>): Uint8Array {
  return Buffer.from(JSON.stringify({ targetArtifact: { digest, mediaType, size } }));
}

/** Reads a payload; throws `MALFORMED_PAYLOAD`. */
export function parsePayload(payload: Uint8Array): TargetArtifact {
  const { mediaType, digest, size, annotations } = targetOf(payload);
  if (typeof mediaType !== 'string' || mediaType === '') throw malformed('mediaType');
  if (typeof digest !== 'string' || !isDigest(digest)) throw malformed('digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw malformed('size');
  return { mediaType, digest, size, annotations: annotationsOf(annotations) };
}

function annotationsOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw malformed('annotations');
  const entries = Object.entries(value);
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
    throw malformed('annotations');
  return Object.fromEntries(entries);
}

function targetOf(payload: Uint8Array): JsonObject {
  const target = readObject(payload, 'The payload', 'MALFORMED_PAYLOAD', { depth: 16 })['targetArtifact'];
  if (isObject(target)) return target;
  throw malformed('targetArtifact');
}

function malformed(member: string): Error {
  return refuse(`The payload has no usable "${member}".`, 'MALFORMED_PAYLOAD');
}
