import type { Descriptor } from '#oci/descriptor.js';
import { digestOf, algorithmOf, isDigest } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { parseStrictJson, StrictJsonError } from '#oci/strict-json.js';
import { isDomainError } from '#platform/domain-error.js';
import type { Carrier } from '../signature-format.js';
import { MAX_ENVELOPE_BYTES } from './envelope.js';

type Members = Readonly<Record<string, unknown>>;

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const ENVELOPE_TYPES: ReadonlySet<unknown> = new Set([MediaType.jose, MediaType.cose]);

/** The envelope inside a notation signature manifest of any era; undefined when the carrier is not one, or a broken one. */
export async function extractEnvelope(carrier: Carrier): Promise<{ bytes: Uint8Array; mediaType: string } | undefined> {
  const manifest = readManifest(carrier);
  if (!manifest || !isNotation(manifest, carrier.manifest.mediaType)) return undefined;
  if (membersOf(manifest['subject'])?.['digest'] !== carrier.subject) return undefined;
  const contents =
    carrier.manifest.mediaType === MediaType.ociArtifactManifest ? manifest['blobs'] : manifest['layers'];
  if (!Array.isArray(contents) || contents.length !== 1) return undefined;
  const layer = descriptorOf(contents[0]);
  if (!layer || !ENVELOPE_TYPES.has(layer.mediaType) || layer.size > MAX_ENVELOPE_BYTES) return undefined;
  const bytes = await fetchLayer(carrier, layer);
  return bytes && { bytes, mediaType: layer.mediaType };
}

function isNotation(manifest: Members, mediaType: string): boolean {
  if (mediaType === MediaType.ociArtifactManifest) return manifest['artifactType'] === MediaType.notationSignature;
  if (mediaType !== MediaType.ociManifest) return false;
  const type = manifest['artifactType'] ?? membersOf(manifest['config'])?.['mediaType'];
  return type === MediaType.notationSignature;
}

function readManifest({ manifest }: Carrier): Members | undefined {
  if (manifest.bytes.length > MAX_MANIFEST_BYTES) return undefined;
  try {
    return membersOf(parseStrictJson(manifest.bytes));
  } catch (error) {
    if (error instanceof StrictJsonError) return undefined;
    throw error;
  }
}

/** A missing or longer layer makes a malformed signature; any other failure is the caller's. */
async function fetchLayer(carrier: Carrier, layer: Descriptor): Promise<Uint8Array | undefined> {
  try {
    const bytes = await carrier.fetch(layer, MAX_ENVELOPE_BYTES);
    const intact = bytes.length === layer.size && digestOf(bytes, algorithmOf(layer.digest)) === layer.digest;
    return intact ? bytes : undefined;
  } catch (error) {
    if (isDomainError(error) && (error.kind === 'not-found' || error.kind === 'too-large')) return undefined;
    throw error;
  }
}

function descriptorOf(value: unknown): Descriptor | undefined {
  const { mediaType, digest, size } = membersOf(value) ?? {};
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isDigest(digest)) return undefined;
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? { mediaType, digest, size } : undefined;
}

function membersOf(value: unknown): Members | undefined {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Members) : undefined;
}
