import type { ManifestDraft } from '#content/push/drafts.js';
import { findByTag } from '#content/read/find-manifest.js';
import { isCompanionTag } from './companion-tag.js';
import { parseManifest } from '#oci/manifest.js';
import { draftManifest, type DraftSource } from '#signing/push/draft-manifest.js';
import { storeBlobs } from '#signing/store/store-signatures.js';
import { unionOf } from '../../companion-union.js';

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
    const union = current && current.digest !== digest ? unionOf(current.bytes, bytesOf(digest)) : 'coming';
    if (!current || union === 'coming') merged.push({ name, digest, ...expected });
    else if (union === 'here') merged.push({ name, digest: current.digest, ...expected });
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
