import type { DataSource } from 'typeorm';
import type { ReadView } from '#content/read/find-manifest.js';
import { MEMBER_AT } from '#content/read/find-manifest.js';
import { INDEX_TYPES } from '#oci/media-types.js';
import { isAttachmentTag } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';

/** One signature to make: a manifest under the reference of one tag that leads to it. */
export interface WorkItem {
  readonly manifestId: string;
  readonly digest: string;
  readonly reference: string;
}

/** Which manifests of a version are signed. */
export interface WorkSelection {
  readonly reference: string;
  readonly tagNames: readonly string[] | null;
  readonly signLists: boolean;
  /** False for families whose signatures name no reference: one for each manifest is enough then. */
  readonly referenceBound: boolean;
}

/** Image tags of a version: those that do not carry signatures themselves. */
export async function imageTags(
  source: DataSource,
  view: ReadView,
  names: readonly string[] | null,
): Promise<{ name: string; manifestId: string }[]> {
  const rows = await rowsOf<{ name: string; manifestId: string }>(
    source,
    `select t.name, t.manifest_id as "manifestId" from membership m join tag t on t.id = m.unit_id
     where m.repository_id = $1 and ${MEMBER_AT} and m.tag_name is not null and ($3::text[] is null or m.tag_name = any($3))
     order by t.name`,
    [view.repositoryId, view.pinned, names],
  );
  return rows.filter((row) => !isAttachmentTag(row.name));
}

interface TreeRow {
  readonly root: string;
  readonly id: string;
  readonly digest: string;
  readonly mediaType: string;
}

/**
 * The signatures to make: for every tag the image behind it, or the images that its index lists at any depth (and the
 * indexes themselves when asked for). An image under two tags is there twice; an image listed twice under one tag, once.
 */
export async function selectWork(source: DataSource, view: ReadView, selection: WorkSelection): Promise<WorkItem[]> {
  const tags = await imageTags(source, view, selection.tagNames);
  if (tags.length === 0) return [];
  const roots = [...new Set(tags.map((tag) => tag.manifestId))];
  const tree = await rowsOf<TreeRow>(
    source,
    `with recursive tree(root, id) as (
       select r, r from unnest($1::uuid[]) r
       union select t.root, c.child_id from tree t join manifest_child c on c.manifest_id = t.id)
     select t.root, t.id, m.digest, m.media_type as "mediaType" from tree t join manifest m on m.id = t.id order by m.digest`,
    [roots],
  );
  const below = new Map<string, TreeRow[]>(roots.map((root) => [root, []]));
  for (const row of tree) if (selection.signLists || !INDEX_TYPES.has(row.mediaType)) below.get(row.root)!.push(row);
  const work = new Map<string, WorkItem>();
  for (const tag of tags)
    for (const { id, digest } of below.get(tag.manifestId) ?? []) {
      const reference = `${selection.reference}:${tag.name}`;
      const key = selection.referenceBound ? `${digest} ${reference}` : digest;
      if (!work.has(key)) work.set(key, { manifestId: id, digest, reference });
    }
  return [...work.values()];
}
