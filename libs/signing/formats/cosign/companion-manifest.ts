import type { Descriptor } from '#oci/descriptor.js';
import { digestOf } from '#oci/digest.js';
import { readStoredManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-types.js';
import { isDescriptor, readCarrierManifest } from '../carrier-manifest.js';
import type { JsonObject } from '../strict-object.js';

/** Most layers that clients read from one companion manifest. */
export const MAX_LAYERS = 1000;

/** The manifest behind a `.sig`, `.att` or `.sbom` tag. */
export interface CompanionManifest {
  readonly layers: readonly Descriptor[];
  /** Everything else in the manifest, kept as it is. */
  readonly rest: JsonObject;
}

/** Bytes with the descriptor that leads to them. */
export interface Stored {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Reads an OCI image manifest with well-formed layers; undefined when the bytes are something else. */
export function readCompanion(bytes: Uint8Array): CompanionManifest | undefined {
  const document = readCarrierManifest(bytes);
  if (!document || !readStoredManifest(bytes)) return undefined;
  const { layers, config, mediaType = MediaType.ociManifest, schemaVersion, ...rest } = document;
  if (mediaType !== MediaType.ociManifest || schemaVersion !== 2 || !isDescriptor(config)) return undefined;
  if (!Array.isArray(layers) || !layers.every(isDescriptor)) return undefined;
  return { layers, rest };
}

/** The bytes of a companion manifest and of the config that names the layers as its `diff_ids`. */
export function writeCompanion({ layers, rest }: CompanionManifest): { manifest: Stored; config: Stored } {
  const epoch = '0001-01-01T00:00:00Z';
  const config = store(MediaType.ociConfig, {
    architecture: '',
    created: epoch,
    history: layers.map(() => ({ created: epoch })),
    os: '',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    config: {},
  });
  const document = { schemaVersion: 2, mediaType: MediaType.ociManifest, config: config.descriptor, layers, ...rest };
  return { manifest: store(MediaType.ociManifest, document), config };
}

/** JSON under its digest. */
export function store(mediaType: string, document: object): Stored {
  return storeBytes(mediaType, Buffer.from(JSON.stringify(document)));
}

/** Bytes under their digest. */
export function storeBytes(mediaType: string, bytes: Uint8Array): Stored {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
