import type { DataSource } from 'typeorm';
import { findByTag } from '#content/read/find-manifest.js';
import { parseManifest } from '#oci/manifest.js';
import { parseCompanionTag } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import type { BlobStore } from '#storage/blob-store.js';
import { type CompanionUnion, unionOf } from '../companion-union.js';
import type { ManifestShelf } from './manifest-shelf.js';
import type { RepositoryTarget } from './repository-target.js';

/** Where companions are merged. */
export interface Merging {
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly repositoryId: string;
  readonly shelf: ManifestShelf;
  readonly target: RepositoryTarget;
}

/**
 * Companion tags of the upstream that stand for signatures made here too: such a tag keeps leading to a manifest that has
 * the layers of both. The others stay as they are upstream.
 */
export async function mergeCompanions(
  merging: Merging,
  tags: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const merged = new Map(tags);
  const names = [...tags.keys()].filter(parseCompanionTag);
  for (const tag of await locallySigned(merging.source, merging.repositoryId, names)) {
    const current = await findByTag(merging.source, { repositoryId: merging.repositoryId, pinned: null }, tag);
    const digest = tags.get(tag)!;
    if (!current || current.digest === digest) continue;
    const union = unionOf(current.bytes, (await merging.shelf.read(digest)).bytes);
    if (union === 'here') merged.set(tag, current.digest);
    else if (union !== 'coming') merged.set(tag, await storeUnion(merging, tag, union));
  }
  return merged;
}

/** Tags whose manifest carries a signature of one of our signing services. */
async function locallySigned(source: DataSource, repositoryId: string, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const rows = await rowsOf<{ name: string }>(
    source,
    `select distinct m.tag_name as name from membership m join tag t on t.id = m.unit_id
     join signature_carrier k on k.carrier_id = t.manifest_id join signature g on g.id = k.signature_id
     where m.repository_id = $1 and m.removed_in is null and m.tag_name = any($2::text[]) and g.signing_service_id is not null`,
    [repositoryId, names],
  );
  return rows.map((row) => row.name);
}

async function storeUnion(
  { store, target }: Merging,
  tag: string,
  { config, manifest }: CompanionUnion,
): Promise<string> {
  await store.putBytes(config.descriptor.digest, Buffer.from(config.bytes));
  const { descriptor } = manifest;
  const bytes = Buffer.from(manifest.bytes);
  target.companionTags.set(descriptor.digest, [tag]);
  await target.putManifest({ ...descriptor, bytes, parsed: parseManifest(bytes) });
  return descriptor.digest;
}
