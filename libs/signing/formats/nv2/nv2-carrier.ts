import { digestOf } from '#oci/digest.js';
import type { Descriptor } from '#oci/descriptor.js';
import { MediaType } from '#oci/media-types.js';
import { parseStrictJson, StrictJsonError } from '#oci/strict-json.js';
import { isDomainError } from '#platform/domain-error.js';
import type {
  Carrier,
  ParsedSignature,
  ExtractedSignature,
  StoredManifest,
  WrappedSignature,
} from '../signature-format.js';
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
  if (!config) return [];
  try {
    const bytes = await carrier.fetch(config, MAX_JWS_SIZE);
    return [{ bytes, parsed: await parse(bytes) }];
  } catch (error) {
    if (isDomainError(error)) return [];
    throw error;
  }
}

interface Prototype {
  readonly config?: Descriptor;
  readonly manifests?: readonly ({ readonly digest?: unknown } | null)[];
}

function configOf(carrier: Carrier): Descriptor | undefined {
  const manifest = readManifest(carrier.manifest.bytes);
  const config = manifest?.config;
  if (config?.mediaType !== MediaType.nv2Config || typeof config.digest !== 'string') return undefined;
  const names =
    Array.isArray(manifest?.manifests) && manifest.manifests.some((each) => each?.digest === carrier.subject);
  return names ? config : undefined;
}

function readManifest(bytes: Uint8Array): Prototype | undefined {
  try {
    return parseStrictJson(bytes) as Prototype;
  } catch (error) {
    if (error instanceof StrictJsonError) return undefined;
    throw error;
  }
}
