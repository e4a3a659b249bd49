import type { DataSource } from 'typeorm';
import { ONE_BY_ONE, queryPrepared } from '#platform/database.js';
import { underTag } from '../versions/membership.entity.js';

/** A version of a repository to read: a number, or null for the newest with what is staged. */
export interface ReadView {
  readonly repositoryId: string;
  readonly pinned: number | null;
}

/** A manifest as it is served. */
export interface FoundManifest {
  /** Of the row; of what was rendered the digest, since it has none. */
  readonly id: string;
  /** Made for this answer: a list of referrers that nobody stored. */
  readonly rendered?: true;
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly bytes: Buffer;
}

const MANIFEST = `c.id, c.digest, c.media_type as "mediaType", c.size, c.bytes`;

/** Rows of `m` that are part of the version in `$2`, or of the newest one when it is null. */
export const MEMBER_AT = `(case when $2::int is null then m.removed_in is null
  else m.added_in <= $2 and (m.removed_in is null or m.removed_in > $2) end)`;

/** SQL that is true when the view, `$1` and `$2`, has the unit of this id: in the version, or staged and the view is the newest. */
export const viewHas = (id: string) => `(
  exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = ${id} and ${MEMBER_AT} ${ONE_BY_ONE})
  or ($2::int is null and exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = ${id} ${ONE_BY_ONE})))`;

/** The manifest behind a tag. */
export async function findByTag(source: DataSource, view: ReadView, tag: string): Promise<FoundManifest | undefined> {
  const now = `select ${MANIFEST}
    from (select m.unit_id from membership m where m.repository_id = $1 and ${underTag('m', '$2')}) m
    join tag t on t.id = m.unit_id join manifest c on c.id = t.manifest_id`;
  const then = `select ${MANIFEST} from membership m join tag t on t.id = m.unit_id join manifest c on c.id = t.manifest_id
    where m.repository_id = $1 and m.tag_name = $2 and m.added_in <= $3 and (m.removed_in is null or m.removed_in > $3)`;
  const [row] =
    view.pinned === null
      ? await queryPrepared<FoundManifest>(source, 'manifest-by-tag', now, [view.repositoryId, tag])
      : await queryPrepared<FoundManifest>(source, 'manifest-by-tag-at', then, [view.repositoryId, tag, view.pinned]);
  return row;
}

/** The manifest with a digest, when it is in the version, or staged and the view is the newest. */
export async function findByDigest(
  source: DataSource,
  view: ReadView,
  digest: string,
): Promise<FoundManifest | undefined> {
  const text = `select ${MANIFEST} from manifest c where c.digest = $3 and ${viewHas('c.id')}`;
  const [row] = await queryPrepared<FoundManifest>(source, 'manifest-by-digest', text, [
    view.repositoryId,
    view.pinned,
    digest,
  ]);
  return row;
}

/** A blob as it is served. */
export interface FoundBlob {
  readonly id: string;
  readonly digest: string;
  readonly size: number;
  readonly stored: boolean;
}

/** The blob with a digest, when it is in the version, or staged and the view is the newest. */
export async function findBlob(source: DataSource, view: ReadView, digest: string): Promise<FoundBlob | undefined> {
  const text = `select c.id, c.digest, c.size, c.stored from blob c where c.digest = $3 and ${viewHas('c.id')}`;
  const [row] = await queryPrepared<FoundBlob>(source, 'blob-by-digest', text, [
    view.repositoryId,
    view.pinned,
    digest,
  ]);
  return row;
}

/** Tag names of a version in byte order after `last`, at most `limit`. */
export async function listTagNames(source: DataSource, view: ReadView, last: string, limit: number): Promise<string[]> {
  const now = `select m.tag_name as name from membership m
    where m.repository_id = $1 and m.removed_in is null and m.tag_name is not null and m.tag_name > $2 order by m.tag_name limit $3`;
  const then = `select m.tag_name as name from membership m where m.repository_id = $1 and m.tag_name is not null and m.tag_name > $2
    and m.added_in <= $4 and (m.removed_in is null or m.removed_in > $4) order by m.tag_name limit $3`;
  const rows =
    view.pinned === null
      ? await queryPrepared<{ name: string }>(source, 'tag-names', now, [view.repositoryId, last, limit])
      : await queryPrepared<{ name: string }>(source, 'tag-names-at', then, [
          view.repositoryId,
          last,
          limit,
          view.pinned,
        ]);
  return rows.map((row) => row.name);
}
