import { INDEX_TYPES, MediaType } from '#oci/media-types.js';
import { parseCompanionTag } from '#oci/reference.js';
import { COSIGN_KIND, CosignKind, IMAGE_NAME, REF_NAME } from '../layout-names.js';
import type { ExportedContent, ExportedManifest } from './select-content.js';

/** How entries are marked. `cosign` also writes what `cosign load` and `cosign verify --local-image` look for. */
export type LayoutProfile = 'default' | 'cosign';

/**
 * The `index.json` of a layout: tags in byte order, then what no tag leads to by digest. Referrers are listed without a
 * name, since clients find only what the index lists. The same content gives the same bytes.
 */
export function renderLayoutIndex(content: ExportedContent, imageName: string, profile: LayoutProfile): Buffer {
  const byId = new Map(content.manifests.map((manifest) => [manifest.id, manifest]));
  const tagged = new Set(content.tags.map((tag) => tag.manifestId));
  const named = [...content.tags]
    .sort((a, b) => compareText(a.name, b.name))
    .map((tag) => entry(byId.get(tag.manifestId)!, nameOf(tag.name, byId.get(tag.manifestId)!, imageName, profile)));
  const nameless = content.manifests
    .filter((manifest) => !tagged.has(manifest.id) && (manifest.refers || !manifest.listed))
    .sort((a, b) => compareText(a.digest, b.digest))
    .map((manifest) => entry(manifest, {}));
  const document = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [...named, ...nameless] };
  return Buffer.from(JSON.stringify(document));
}

/** Orders texts by their code units, so that no locale decides about bytes. */
export const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function entry(manifest: ExportedManifest, names: Record<string, string>): object {
  const annotations = { ...(manifest.refers ? sorted(manifest.annotations) : {}), ...names };
  return {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.size,
    ...(manifest.refers && manifest.artifactType !== null ? { artifactType: manifest.artifactType } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
}

function nameOf(tag: string, manifest: ExportedManifest, imageName: string, profile: LayoutProfile) {
  return {
    ...(profile === 'cosign' ? { [COSIGN_KIND]: kindOf(tag, manifest) } : {}),
    [IMAGE_NAME]: `${imageName}:${tag}`,
    [REF_NAME]: tag,
  };
}

function kindOf(tag: string, manifest: ExportedManifest): string {
  const companion = parseCompanionTag(tag)?.kind;
  if (companion === 'sig') return CosignKind.signatures;
  if (companion === 'att') return CosignKind.attestations;
  return INDEX_TYPES.has(manifest.mediaType) ? CosignKind.index : CosignKind.image;
}

/** Annotations of a referrer, without names that would make it a tagged entry. */
function sorted(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(annotations).filter(
    ([name]) => name !== REF_NAME && name !== IMAGE_NAME && name !== COSIGN_KIND,
  );
  return Object.fromEntries(kept.sort(([a], [b]) => compareText(a, b)));
}
