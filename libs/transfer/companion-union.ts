import { type ParsedManifest, parseManifest, readStoredManifest } from '#oci/manifest.js';
import { mergeCompanionManifests } from '#signing/formats/cosign/merge.js';
import { layerKey } from '#signing/formats/cosign/wrap.js';

/** A companion manifest with the layers of two, and its config. */
export type CompanionUnion = NonNullable<ReturnType<typeof mergeCompanionManifests>>;

/**
 * Where a companion tag leads that is here and comes from elsewhere: to the one of both manifests that has all layers of
 * the other, else to their union, and to what comes when they cannot be merged.
 */
export function unionOf(here: Uint8Array, coming: Uint8Array): 'here' | 'coming' | CompanionUnion {
  const [ours, theirs] = [readStoredManifest(here), parseManifest(coming)];
  if (!ours) return 'coming';
  if (hasAll(ours, theirs)) return 'here';
  return hasAll(theirs, ours) ? 'coming' : (mergeCompanionManifests(here, coming) ?? 'coming');
}

function hasAll({ layers }: ParsedManifest, of: ParsedManifest): boolean {
  const keys = new Set(layers.map(layerKey));
  return of.layers.every((layer) => keys.has(layerKey(layer)));
}
