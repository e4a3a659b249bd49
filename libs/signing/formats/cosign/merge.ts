import type { Descriptor } from '#oci/descriptor.js';
import { MediaType } from '#oci/media-types.js';
import {
  MAX_LAYERS,
  readCompanion,
  writeCompanion,
  type CompanionManifest,
  type Stored,
} from './companion-manifest.js';
import { layerKey } from './wrap.js';

/**
 * The union of two companion manifests of one tag that were written at the same time: the layers of the first, then what
 * only the second has. Null when they cannot be merged: not companion manifests, of different kinds, or too many layers.
 */
export function mergeCompanionManifests(
  first: Uint8Array,
  second: Uint8Array,
): { manifest: Stored; config: Stored } | null {
  const [a, b] = [readCompanion(first), readCompanion(second)];
  if (!a || !b || !isMergeable(a, b)) return null;
  const known = new Set(a.layers.map(layerKey));
  const layers = [...a.layers, ...b.layers.filter((layer) => !known.has(layerKey(layer)))];
  return layers.length > MAX_LAYERS ? null : writeCompanion({ layers, rest: a.rest });
}

function isMergeable(a: CompanionManifest, b: CompanionManifest): boolean {
  if (JSON.stringify(a.rest) !== JSON.stringify(b.rest)) return false;
  const [one, other] = [kindsOf(a.layers), kindsOf(b.layers)];
  return (
    one.size === 0 ||
    other.size === 0 ||
    [...one].every((kind) => other.has(kind)) ||
    [...other].every((kind) => one.has(kind))
  );
}

function kindsOf(layers: readonly Descriptor[]): ReadonlySet<string> {
  return new Set(layers.map(({ mediaType }) => kindOfLayer(mediaType)));
}

function kindOfLayer(mediaType: string): 'sig' | 'att' | 'other' {
  if (mediaType === MediaType.cosignSimpleSigning) return 'sig';
  return mediaType === MediaType.dsseEnvelope ? 'att' : 'other';
}
