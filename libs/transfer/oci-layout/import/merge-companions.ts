import type { ManifestDraft } from '#content/push/drafts.js';
import { findByTag } from '#content/read/find-manifest.js';
import { isCompanionTag } from './companion-tag.js';
import { parseManifest } from '#oci/manifest.js';
import { mergeCompanionManifests } from '#signing/formats/cosign/merge.js';
import { layerKey } from '#signing/formats/cosign/wrap.js';
import { draftManifest, type DraftSource } from '#signing/push/draft-manifest.js';
import { storeBlobs } from '#signing/store/store-signatures.js';

/** A tag of the import, and what it must lead to before. */
export interface ImportedTag {
  readonly name: string;
  readonly digest: string;
  /** Digest that a companion tag was read at; null: no tag; undefined: it may be anything. */
  readonly expected?: string | null;
}

/** Companion tags as they will be: together with the layers that the repository has under them already. */
export interface MergedTags {
  readonly tags: readonly ImportedTag[];
  /** Manifests that hold the layers of both. */
  readonly unions: readonly ManifestDraft[];
}

/** Decides where tags lead: image tags to what the layout has, companion tags to the union with what is here. */
export async function mergeCompanions(
  into: DraftSource,
  tags: ReadonlyMap<string, string>,
  bytesOf: (digest: string) => Uint8Array,
): Promise<MergedTags> {
  const merged: ImportedTag[] = [];
  const unions: ManifestDraft[] = [];
  for (const [name, digest] of tags) {
    const current = isCompanionTag(name) ? await findByTag(into.source, into.view, name) : undefined;
    const expected = isCompanionTag(name) ? { expected: current?.digest ?? null } : {};
    const union = current && current.digest !== digest ? unionOf(current.bytes, bytesOf(digest)) : undefined;
    if (!current || !union) merged.push({ name, digest, ...expected });
    else if (union === 'current') merged.push({ name, digest: current.digest, ...expected });
    else {
      const { descriptor, bytes } = union.manifest;
      await storeBlobs(into, into.view.repositoryId, new Map([[union.config.descriptor.digest, union.config.bytes]]));
      unions.push(
        await draftManifest(into, { bytes, digest: descriptor.digest, parsed: parseManifest(bytes) }, [name]),
      );
      merged.push({ name, digest: descriptor.digest, ...expected });
    }
  }
  return { tags: merged, unions };
}

/** `current` when it has every layer already; undefined when the imported one has them all or they cannot be merged. */
function unionOf(current: Uint8Array, imported: Uint8Array) {
  const [here, there] = [layersOf(current), layersOf(imported)];
  if ([...there].every((layer) => here.has(layer))) return 'current';
  if ([...here].every((layer) => there.has(layer))) return undefined;
  return mergeCompanionManifests(current, imported) ?? undefined;
}

const layersOf = (bytes: Uint8Array) => new Set(parseManifest(bytes).layers.map(layerKey));
