import { MediaType } from '#oci/media-types.js';
import { isDescriptor, readCarrierManifest } from '../carrier-manifest.js';
import { fetchLayer } from '../fetch-layer.js';
import type { Carrier } from '../signature-format.js';
import { isObject, type JsonObject } from '../strict-object.js';
import { MAX_ENVELOPE_BYTES } from './envelope.js';

const ENVELOPE_TYPES: ReadonlySet<unknown> = new Set([MediaType.jose, MediaType.cose]);

/** The envelope inside a notation signature manifest of any era; undefined when the carrier is not one, or a broken one. */
export async function extractEnvelope(carrier: Carrier): Promise<{ bytes: Uint8Array; mediaType: string } | undefined> {
  const manifest = readCarrierManifest(carrier.manifest.bytes);
  if (!manifest || !isNotation(manifest, carrier.manifest.mediaType)) return undefined;
  if (membersOf(manifest['subject'])?.['digest'] !== carrier.subject) return undefined;
  const contents =
    carrier.manifest.mediaType === MediaType.ociArtifactManifest ? manifest['blobs'] : manifest['layers'];
  if (!Array.isArray(contents) || contents.length !== 1) return undefined;
  const layer: unknown = contents[0];
  if (!isDescriptor(layer) || !ENVELOPE_TYPES.has(layer.mediaType)) return undefined;
  const bytes = await fetchLayer(carrier, layer, MAX_ENVELOPE_BYTES);
  return bytes?.length === layer.size ? { bytes, mediaType: layer.mediaType } : undefined;
}

function isNotation(manifest: JsonObject, mediaType: string): boolean {
  if (mediaType === MediaType.ociArtifactManifest) return manifest['artifactType'] === MediaType.notationSignature;
  if (mediaType !== MediaType.ociManifest) return false;
  const type = manifest['artifactType'] ?? membersOf(manifest['config'])?.['mediaType'];
  return type === MediaType.notationSignature;
}

function membersOf(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}
