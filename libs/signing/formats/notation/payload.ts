import type { Descriptor } from '#oci/descriptor.js';
import { isDigest } from '#oci/digest.js';
import { parseStrictJson, StrictJsonError } from '#oci/strict-json.js';
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
  const { mediaType, digest, size, annotations } = membersOf(membersOf(readJson(payload))['targetArtifact']);
  if (typeof mediaType !== 'string' || mediaType === '') throw malformed('mediaType');
  if (typeof digest !== 'string' || !isDigest(digest)) throw malformed('digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw malformed('size');
  return { mediaType, digest, size, annotations: annotationsOf(annotations) };
}

function annotationsOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  const entries = Object.entries(membersOf(value));
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
    throw malformed('annotations');
  return Object.fromEntries(entries);
}

function readJson(payload: Uint8Array): unknown {
  try {
    return parseStrictJson(payload, { depth: 16 });
  } catch (error) {
    if (error instanceof StrictJsonError)
      throw refuse(`The payload is not strict JSON: ${error.message}.`, 'MALFORMED_PAYLOAD');
    throw error;
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw malformed('targetArtifact');
  return value as Readonly<Record<string, unknown>>;
}

function malformed(member: string): Error {
  return refuse(`The payload has no usable "${member}".`, 'MALFORMED_PAYLOAD');
}
