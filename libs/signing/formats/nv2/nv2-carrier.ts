import { digestOf } from '#oci/digest.js';
import type { Descriptor } from '#oci/descriptor.js';
import { MediaType } from '#oci/media-types.js';
import { isDomainError } from '#platform/domain-error.js';
import type {
  Carrier,
  ParsedSignature,
  ExtractedSignature,
  StoredManifest,
  WrappedSignature,
} from '../signature-format.js';
import { isDescriptor, readCarrierManifest } from '../carrier-manifest.js';
import { fetchLayer } from '../fetch-layer.js';
import { isObject } from '../strict-object.js';
import { MAX_JWS_SIZE } from './compact-jws.js';

/** The artifact manifest of the prototype: the signature is its config, what it signs is in `manifests`. */
export function wrapNv2(subject: StoredManifest, signature: Uint8Array): WrappedSignature {
  const config: Descriptor = { mediaType: MediaType.nv2Config, digest: digestOf(signature), size: signature.length };
  const { mediaType, digest, size } = subject;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.ociArtifactManifest,
      artifactType: MediaType.nv2ArtifactType,
      config,
      manifests: [{ mediaType, digest, size }],
    }),
  );
  const descriptor = { mediaType: MediaType.ociArtifactManifest, digest: digestOf(bytes), size: bytes.length };
  return { blobs: [{ descriptor: config, bytes: signature }], manifest: { descriptor, bytes } };
}

/** The signature in an artifact manifest of the prototype, when it names the carrier's subject. */
export async function extractNv2(
  carrier: Carrier,
  parse: (bytes: Uint8Array) => Promise<ParsedSignature>,
): Promise<ExtractedSignature[]> {
  const config = configOf(carrier);
  const bytes = config && (await fetchLayer(carrier, config, MAX_JWS_SIZE));
  if (!bytes) return [];
  try {
    return [{ bytes, parsed: await parse(bytes) }];
  } catch (error) {
    if (isDomainError(error)) return [];
    throw error;
  }
}

function configOf({ manifest, subject }: Carrier): Descriptor | undefined {
  const { config, manifests } = readCarrierManifest(manifest.bytes) ?? {};
  if (!isDescriptor(config) || config.mediaType !== MediaType.nv2Config) return undefined;
  const names = Array.isArray(manifests) && manifests.some((each) => isObject(each) && each['digest'] === subject);
  return names ? config : undefined;
}
