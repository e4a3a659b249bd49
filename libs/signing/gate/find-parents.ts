import type { DataSource } from 'typeorm';
import { type FoundManifest, MEMBER_AT, type ReadView, viewHas } from '#content/read/find-manifest.js';
import { queryPrepared } from '#platform/database.js';

/** Indexes of the version that list a manifest, or an index that does and so on; of too many the newest. */
export function findParents(source: DataSource, view: ReadView, manifestId: string): Promise<FoundManifest[]> {
  const listing = `k.manifest_id from manifest_child k`;
  const isHere = `exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = k.manifest_id and ${MEMBER_AT})`;
  return queryPrepared<FoundManifest>(
    source,
    'parents-at',
    `with recursive above (id) as (
       select ${listing} where k.child_id = $3 and ${isHere}
       union select ${listing} join above on k.child_id = above.id where ${isHere})
     select c.id, c.digest, c.media_type as "mediaType", c.size, c.bytes from above join manifest c on c.id = above.id
     order by c.id desc limit 20`,
    [view.repositoryId, view.pinned, manifestId],
  );
}

/** Tags of the version that lead to a manifest, the newest first; of too many those. */
export async function findTags(source: DataSource, view: ReadView, manifestId: string): Promise<string[]> {
  const rows = await queryPrepared<{ name: string }>(
    source,
    'tags-of-manifest-at',
    `select t.name from tag t join membership m on m.unit_id = t.id
     where t.manifest_id = $3 and m.repository_id = $1 and ${MEMBER_AT} order by m.added_in desc limit 20`,
    [view.repositoryId, view.pinned, manifestId],
  );
  return rows.map(({ name }) => name);
}

/** By which a blob is looked up, in turn: the newest manifests, then those that somebody signed, or an index above them. */
const NAMERS = [
  { name: 'newest-with-blob', such: 'true', most: 20 },
  {
    name: 'signed-with-blob',
    such: `(exists (select 1 from signature g where g.manifest_digest = c.digest)
      or exists (select 1 from manifest_child k join manifest p on p.id = k.manifest_id
        join signature g on g.manifest_digest = p.digest where k.child_id = c.id))`,
    most: 50,
  },
] as const;

/** Digests of manifests of the view that name a blob, each once, as far as they have to be looked at. */
export async function* findNamers(source: DataSource, view: ReadView, blobId: string): AsyncGenerator<string> {
  const seen = new Set<string>();
  for (const { name, such, most } of NAMERS) {
    const rows = await queryPrepared<{ digest: string }>(
      source,
      name,
      `select c.digest from manifest_blob b join manifest c on c.id = b.manifest_id
       where b.blob_id = $3 and ${viewHas('c.id')} and ${such} order by c.id desc limit ${most}`,
      [view.repositoryId, view.pinned, blobId],
    );
    for (const { digest } of rows) {
      if (!seen.has(digest)) yield digest;
      seen.add(digest);
    }
  }
}
