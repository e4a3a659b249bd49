import type { Descriptor } from '#oci/descriptor.js';
import { isDigest } from '#oci/digest.js';
import { isObject, type JsonObject, readObject } from '../strict-object.js';
import { decodeBase64 } from '../base64.js';
import { refuse } from './envelope.js';
import { refuseOtherCase } from './member-names.js';

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
  const { mediaType, digest, size, annotations, ...others } = targetOf(payload);
  if (typeof mediaType !== 'string' || mediaType === '') throw malformed('mediaType');
  if (typeof digest !== 'string' || !isDigest(digest)) throw malformed('digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw malformed('size');
  for (const [member, isSound] of Object.entries(OTHERS)) {
    if ((others[member] ?? null) !== null && !isSound(others[member])) throw malformed(member);
  }
  return { mediaType, digest, size, annotations: annotationsOf(annotations) };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
const isPlatform = (value: unknown) =>
  isObject(value) &&
  Object.entries(value).every(([name, part]) => (name === 'os.features' ? isTexts(part) : isText(part)));

/** Members of a descriptor that nothing is decided by, but without which it would be none. */
const OTHERS: Readonly<Record<string, (value: unknown) => boolean>> = {
  urls: isTexts,
  data: (value) => decodeBase64(value) !== undefined,
  platform: isPlatform,
  artifactType: isText,
};
const DESCRIPTOR: ReadonlySet<string> = new Set(['mediaType', 'digest', 'size', 'annotations', ...Object.keys(OTHERS)]);
const TARGET: ReadonlySet<string> = new Set(['targetArtifact']);

function annotationsOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw malformed('annotations');
  const entries = Object.entries(value);
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
    throw malformed('annotations');
  return Object.fromEntries(entries);
}

function targetOf(payload: Uint8Array): JsonObject {
  const document = readObject(payload, 'The payload', 'MALFORMED_PAYLOAD', { depth: 16, plainIntegers: true });
  refuseOtherCase(document, TARGET, 'The payload', 'MALFORMED_PAYLOAD');
  const target = document['targetArtifact'];
  if (!isObject(target)) throw malformed('targetArtifact');
  refuseOtherCase(target, DESCRIPTOR, 'The payload', 'MALFORMED_PAYLOAD');
  return target;
}

function malformed(member: string): Error {
  return refuse(`The payload has no usable "${member}".`, 'MALFORMED_PAYLOAD');
}
