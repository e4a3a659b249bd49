import type { DataSource } from 'typeorm';
import { subjectOfFallback } from '#content/push/fallback-index.js';
import { MEMBER_AT, type ReadView } from '#content/read/find-manifest.js';
import { isAttachmentTag, isFallbackTag, parseCompanionTag } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';

/** A manifest that goes into a layout. */
export interface ExportedManifest {
  readonly id: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly artifactType: string | null;
  readonly annotations: Readonly<Record<string, string>>;
  /** It refers to another manifest, by more than a tag. */
  readonly refers: boolean;
  /** Something that goes along lists it. */
  readonly listed: boolean;
}

/** A tag that goes into a layout. */
export interface ExportedTag {
  readonly id: string;
  readonly name: string;
  readonly manifestId: string;
}

/** What of a version goes into a layout. */
export interface ExportedContent {
  readonly tags: readonly ExportedTag[];
  readonly manifests: readonly ExportedManifest[];
}

/** What to take: some tags or the whole version, with or without what is attached. */
export interface ExportSelection {
  readonly tags?: readonly string[];
  readonly signatures: boolean;
}

/**
 * The chosen tags or the whole version, with everything that they name and, with signatures, everything that refers to
 * them at any depth. Indexes of the referrers tag schema stay behind: they say nothing that the referrers do not.
 */
export async function selectContent(
  source: DataSource,
  view: ReadView,
  selection: ExportSelection,
): Promise<ExportedContent> {
  const all = await tagsAt(source, view);
  const fallbacks = await referrerIndexes(source, all);
  const useful = all.filter((tag) => !fallbacks.has(tag.id));
  const chosen = choose(useful, selection);
  const roots = new Set(chosen.map((tag) => tag.manifestId));
  if (selection.tags === undefined)
    for (const id of await untagged(source, view, all, selection.signatures)) roots.add(id);
  const manifests = await treeOf(source, view, [...roots], selection.signatures);
  return { tags: [...chosen, ...companions(useful, chosen, manifests, selection)], manifests };
}

function tagsAt(source: DataSource, view: ReadView): Promise<ExportedTag[]> {
  return rowsOf<ExportedTag>(
    source,
    `select t.id, t.name, t.manifest_id as "manifestId" from membership m join tag t on t.id = m.unit_id
     where m.repository_id = $1 and ${MEMBER_AT} and m.tag_name is not null order by t.name`,
    [view.repositoryId, view.pinned],
  );
}

async function referrerIndexes(source: DataSource, tags: readonly ExportedTag[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const { id, name, manifestId } of tags)
    if (isFallbackTag(name) && (await subjectOfFallback(source.manager, name, manifestId)) !== undefined) found.add(id);
  return found;
}

function choose(tags: readonly ExportedTag[], { tags: names, signatures }: ExportSelection): ExportedTag[] {
  if (names === undefined) return tags.filter((tag) => signatures || !isAttachmentTag(tag.name));
  const byName = new Map(tags.map((tag) => [tag.name, tag]));
  const missing = names.filter((name) => !byName.has(name));
  if (missing.length > 0)
    throw notFound(
      `The version has no tag ${missing
        .slice(0, 20)
        .map((name) => `'${name}'`)
        .join(', ')}.`,
      'TAG_UNKNOWN',
    );
  return [...new Set(names)].map((name) => byName.get(name)!);
}

/**
 * Manifests of the version that no tag leads to; without signatures only those that refer to nothing. Indexes that list
 * nothing but referrers of one subject are what clients left behind when they moved a tag of the referrers tag schema.
 */
async function untagged(
  source: DataSource,
  view: ReadView,
  tags: readonly ExportedTag[],
  signatures: boolean,
): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    source,
    `select c.id from membership m join manifest c on c.id = m.unit_id
     where m.repository_id = $1 and ${MEMBER_AT} and m.kind = 'manifest'
       and ($3 or not exists (select 1 from relation l where l.referrer_id = c.id))
       and not exists (
         select 1 from manifest_child k left join relation l on l.referrer_id = k.child_id and l.source <> 'cosign-tag'
         where k.manifest_id = c.id having count(*) > 0 and bool_and(l.referrer_id is not null)
           and count(distinct l.subject_digest) = 1)`,
    [view.repositoryId, view.pinned, signatures],
  );
  const tagged = new Set(tags.map((tag) => tag.manifestId));
  return rows.map((row) => row.id).filter((id) => !tagged.has(id));
}

function treeOf(
  source: DataSource,
  view: ReadView,
  roots: readonly string[],
  signatures: boolean,
): Promise<ExportedManifest[]> {
  return rowsOf<ExportedManifest>(
    source,
    `with recursive tree(id) as (
       select unnest($3::uuid[])
       union select edge.id from tree join lateral (
         select c.child_id as id from manifest_child c where c.manifest_id = tree.id
         union all
         select l.referrer_id from manifest s join relation l on l.subject_digest = s.digest and l.source <> 'cosign-tag'
         join membership m on m.unit_id = l.referrer_id and m.repository_id = $1 and ${MEMBER_AT}
         where $4 and s.id = tree.id
         union all
         select t.manifest_id from manifest s cross join (values ('.sig'), ('.att'), ('.sbom')) as suffix(text)
         join membership m on m.repository_id = $1 and m.tag_name = replace(left(s.digest, 71), ':', '-') || suffix.text and ${MEMBER_AT}
         join tag t on t.id = m.unit_id
         where $4 and s.id = tree.id) edge on true)
     select c.id, c.digest, c.media_type as "mediaType", c.size, c.artifact_type as "artifactType", c.annotations,
       exists (select 1 from relation l where l.referrer_id = c.id and l.source <> 'cosign-tag') as refers,
       exists (select 1 from manifest_child k join tree p on p.id = k.manifest_id where k.child_id = c.id) as listed
     from tree join manifest c on c.id = tree.id order by c.digest`,
    [view.repositoryId, view.pinned, roots, signatures],
  );
}

/** Companion tags of what goes along, that were not chosen by name. */
function companions(
  tags: readonly ExportedTag[],
  chosen: readonly ExportedTag[],
  manifests: readonly ExportedManifest[],
  { signatures }: ExportSelection,
): ExportedTag[] {
  if (!signatures) return [];
  const digests = new Set(manifests.map((manifest) => manifest.digest));
  const taken = new Set(chosen.map((tag) => tag.id));
  return tags.filter((tag) => !taken.has(tag.id) && digests.has(parseCompanionTag(tag.name)?.subject ?? ''));
}
