import type { Descriptor } from '#oci/descriptor.js';
import { MediaType } from '#oci/media-types.js';
import { isDomainError } from '#platform/domain-error.js';
import { fetchLayer } from '../fetch-layer.js';
import type { Carrier, ExtractedSignature, ParsedSignature } from '../signature-format.js';
import { MAX_LAYERS, readCompanion, type CompanionManifest } from './companion-manifest.js';
import { encodeLayerDocument } from './layer-document.js';
import { MAX_SIGNATURE_BYTES } from './malformed.js';
import { parseCosign } from './parse.js';

/** A tag of cosign; `--attachment-tag-prefix` may stand in front. */
const TAG = /sha256-[a-f0-9]{64}\.(sig|att|sbom)$/;
/** An SBOM has no type of its own to tell it from other layers; these are what cosign attaches. */
const SBOM = /^(?:text\/spdx|application\/(?:spdx|vnd\.cyclonedx|vnd\.syft)|spdx)/;
/** Most bytes taken out of one artifact. */
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;

/** The cosign signatures, attestations and SBOMs in an artifact, told by its layers and not by what names it. */
export async function extractCosign(carrier: Carrier): Promise<ExtractedSignature[]> {
  const manifest = readCompanion(carrier.manifest.bytes);
  if (!manifest) return [];
  if (isBundle(manifest)) return compact([await read(carrier, manifest.layers[0]!, 'cosign:bundle')]);
  const tagKind = TAG.exec(carrier.tag ?? '')?.[1];
  const scheme = carrier.tag === undefined && manifest.rest['subject'] !== undefined ? 'cosign:oci11' : 'cosign:tag';
  const found: (ExtractedSignature | undefined)[] = [];
  let left = MAX_TOTAL_BYTES;
  for (const layer of manifest.layers.slice(0, MAX_LAYERS)) {
    if (!isOurs(layer.mediaType, tagKind) || layer.size > left) continue;
    left -= layer.size;
    found.push(await read(carrier, layer, scheme));
  }
  return compact(found);
}

function isBundle({ layers }: CompanionManifest): boolean {
  return layers.length === 1 && layers[0]!.mediaType.startsWith(MediaType.sigstoreBundlePrefix);
}

function isOurs(mediaType: string, tagKind: string | undefined): boolean {
  if (mediaType === MediaType.cosignSimpleSigning) return tagKind === undefined || tagKind === 'sig';
  if (mediaType === MediaType.dsseEnvelope) return tagKind === undefined || tagKind === 'att';
  return tagKind === 'sbom' && SBOM.test(mediaType);
}

async function read(
  carrier: Carrier,
  layer: Descriptor,
  scheme: ParsedSignature['scheme'],
): Promise<ExtractedSignature | undefined> {
  const payload = await fetchLayer(carrier, layer, MAX_SIGNATURE_BYTES);
  if (!payload) return undefined;
  const { mediaType: mimeType, annotations = {} } = layer;
  const bytes = scheme === 'cosign:bundle' ? payload : encodeLayerDocument({ mimeType, payload, annotations });
  try {
    return { bytes, parsed: parseCosign(bytes, scheme) };
  } catch (error) {
    if (isDomainError(error)) return undefined;
    throw error;
  }
}

function compact<T>(list: readonly (T | undefined)[]): T[] {
  return list.filter((item) => item !== undefined);
}
