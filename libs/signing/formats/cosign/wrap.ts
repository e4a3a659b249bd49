import type { Descriptor } from '#oci/descriptor.js';
import { EMPTY_JSON_DIGEST } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { companionTagOf } from '#oci/reference.js';
import { conflict } from '#platform/domain-error.js';
import type { StoredManifest, WrappedSignature } from '../signature-format.js';
import {
  MAX_LAYERS,
  readCompanion,
  store,
  storeBytes,
  writeCompanion,
  type CompanionManifest,
} from './companion-manifest.js';
import { decodeLayerDocument, LayerAnnotation, type LayerDocument } from './layer-document.js';
import { readMaterial, kindOf } from './signed-material.js';
import { statementOf } from './statement.js';

const TAG_KINDS = { signature: 'sig', attestation: 'att', sbom: 'sbom' } as const;

/** The artifact that cosign would write for a signature: a companion manifest under its tag, or a referrer with a bundle. */
export function wrapCosign(
  subject: StoredManifest,
  signature: Uint8Array,
  now: Date,
  existing?: Uint8Array,
): WrappedSignature {
  const material = readMaterial(signature);
  if (material.scheme === 'cosign:bundle')
    return wrapBundle(subject, signature, statementOf(material).predicateType, now);
  const kind = material.content === 'statement' ? 'attestation' : kindOf(material);
  return wrapLayer(subject, decodeLayerDocument(signature), TAG_KINDS[kind], existing);
}

/** The same payload with the same signature is the same layer, whatever else is noted on it. */
export function layerKey({ mediaType, digest, annotations }: Descriptor): string {
  return JSON.stringify([mediaType, digest, annotations?.[LayerAnnotation.signature] ?? '']);
}

function wrapLayer(
  subject: StoredManifest,
  layer: LayerDocument,
  kind: 'sig' | 'att' | 'sbom',
  existing: Uint8Array | undefined,
): WrappedSignature {
  const tag = companionTagOf(subject.digest, kind);
  const before = existing === undefined ? { layers: [], rest: {} } : readCompanion(existing);
  if (!before)
    throw conflict(
      `The tag ${tag} does not lead to an OCI image manifest; delete it to sign here.`,
      'MANIFEST_INVALID',
    );
  const payload = storeBytes(layer.mimeType, layer.payload);
  const descriptor = { ...payload.descriptor, annotations: layer.annotations };
  const { manifest, config } = writeCompanion(append(before, descriptor, tag));
  return { blobs: [{ ...payload, descriptor }, config], manifest, tag };
}

function append({ layers, rest }: CompanionManifest, added: Descriptor, tag: string): CompanionManifest {
  if (layers.some((layer) => layerKey(layer) === layerKey(added))) return { layers, rest };
  if (layers.length >= MAX_LAYERS)
    throw conflict(
      `The tag ${tag} already carries ${MAX_LAYERS} signatures; delete some first.`,
      'TOO_MANY_SIGNATURES',
    );
  return { layers: [...layers, added], rest };
}

function wrapBundle(subject: StoredManifest, bundle: Uint8Array, predicateType: string, now: Date): WrappedSignature {
  const empty = { mediaType: MediaType.ociEmpty, size: 2, digest: EMPTY_JSON_DIGEST };
  const layer = storeBytes(MediaType.sigstoreBundle, bundle);
  const manifest = store(MediaType.ociManifest, {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: { ...empty, artifactType: MediaType.sigstoreBundle },
    layers: [{ mediaType: layer.descriptor.mediaType, size: bundle.length, digest: layer.descriptor.digest }],
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': predicateType,
      'org.opencontainers.image.created': now.toISOString().replace(/\.\d+Z$/, 'Z'),
    },
    subject: { mediaType: subject.mediaType, size: subject.size, digest: subject.digest },
    artifactType: MediaType.sigstoreBundle,
  });
  return { blobs: [{ descriptor: empty, bytes: Buffer.from('{}') }, layer], manifest };
}
