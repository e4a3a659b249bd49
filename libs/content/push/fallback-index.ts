import type { EntityManager } from 'typeorm';
import { digestOf } from '#oci/digest.js';
import { INDEX_TYPES } from '#oci/media-types.js';
import { parseManifest } from '#oci/manifest.js';
import { fallbackTagOf, isFallbackTag } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { PAGE_BYTES } from '../read/page-of-referrers.js';
import { renderReferrers, type ListedReferrer } from '../read/render-referrers.js';
import type { UnitRef } from '../versions/apply-change.js';
import { insertManifest } from './insert-manifests.js';
import { insertTag } from './tags.js';

/** Units that are about to join or leave the version, which the index has to count or leave out already. */
export interface Pending {
  readonly coming?: readonly string[];
  readonly going?: readonly string[];
}

/**
 * The subject that an index under a tag of the referrers tag schema is about: every manifest that it lists refers to that
 * subject. Undefined for a plain image of that name, which `cosign copy` pushes, and for any other index.
 */
export async function subjectOfFallback(
  tx: EntityManager,
  tag: string,
  manifestId: string,
): Promise<string | undefined> {
  if (!isFallbackTag(tag)) return undefined;
  const rows = await rowsOf<{ subject: string | null; child: string | null; media_type: string }>(
    tx,
    `select m.media_type, c.child_id as child, l.subject_digest as subject from manifest m
     left join manifest_child c on c.manifest_id = m.id
     left join relation l on l.referrer_id = c.child_id and l.source <> 'cosign-tag'
     where m.id = $1`,
    [manifestId],
  );
  if (!rows[0] || !INDEX_TYPES.has(rows[0].media_type)) return undefined;
  const children = new Set(rows.flatMap((row) => (row.child ? [row.child] : [])));
  const fitting = rows.filter((row) => row.subject !== null && fallbackTagOf(row.subject) === tag);
  const related = new Set(fitting.map((row) => row.child));
  const subjects = new Set(fitting.map((row) => row.subject!));
  if (children.size === 0 && tag.startsWith('sha256-')) return tag.replace('-', ':');
  return related.size === children.size && subjects.size === 1 ? [...subjects][0] : undefined;
}

/** Bytes of descriptors that an index holds beside annotations and type: names of members, digest and size. */
const DESCRIPTOR_BYTES = 300;

/**
 * The units of the index that lists the referrers of a subject, under its tag; none when nothing refers to it. Of more than
 * a manifest holds it lists the first: clients that need the rest have to ask for the referrers.
 */
export async function renderFallback(
  tx: EntityManager,
  repositoryId: string,
  subject: string,
  { coming = [], going = [] }: Pending,
): Promise<UnitRef[]> {
  const referrers = await rowsOf<ListedReferrer & { id: string }>(
    tx,
    `select id, digest, "mediaType", size, "artifactType", annotations from (
       select c.id, c.digest, c.media_type as "mediaType", c.size, c.artifact_type as "artifactType", c.annotations,
         sum(octet_length(c.annotations::text) + octet_length(coalesce(c.artifact_type, '')) + ${DESCRIPTOR_BYTES}) over (order by c.id) as bytes,
         row_number() over (order by c.id) as place
       from relation l join manifest c on c.id = l.referrer_id
       where l.subject_digest = $2 and l.source <> 'cosign-tag' and not c.id = any($4::uuid[])
         and (c.id = any($3::uuid[])
           or exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = c.id and m.removed_in is null)
           or exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = c.id))) as listed
     where bytes <= $5 or place = 1 order by id`,
    [repositoryId, subject, coming, going, PAGE_BYTES],
  );
  if (referrers.length === 0) return [];
  const bytes = renderReferrers(referrers);
  const draft = {
    parsed: parseManifest(bytes),
    digest: digestOf(bytes),
    bytes,
    facts: { type: 'index', labels: {}, architecture: null, os: null },
    signatures: [],
  };
  const known = {
    blobs: new Map<string, string>(),
    manifests: new Map(referrers.map(({ digest, id }) => [digest, id])),
  };
  const id = await insertManifest(tx, draft, known);
  const tagName = fallbackTagOf(subject);
  return [
    { id, kind: 'manifest' },
    { id: await insertTag(tx, tagName, id), kind: 'tag', tagName },
  ];
}

/**
 * The change by which stored fallback indexes follow a change of the referrers of these subjects: hand it to the same
 * version. An index that has nothing left to list goes with its tag. The repository must be locked.
 */
export async function refreshFallbacks(
  tx: EntityManager,
  repositoryId: string,
  subjects: readonly string[],
  pending: Pending,
): Promise<{ add: UnitRef[]; remove: string[] }> {
  const add: UnitRef[] = [];
  const remove: string[] = [];
  for (const { subject, tagId } of await storedFallbacks(tx, repositoryId, subjects)) {
    const rendered = await renderFallback(tx, repositoryId, subject, pending);
    if (rendered.length === 0) remove.push(tagId);
    add.push(...rendered);
  }
  return { add, remove };
}

/** Fallback indexes in the newest version that are about one of these subjects. */
async function storedFallbacks(
  tx: EntityManager,
  repositoryId: string,
  subjects: readonly string[],
): Promise<{ subject: string; tagId: string }[]> {
  if (subjects.length === 0) return [];
  const rows = await rowsOf<{ tagId: string; name: string; manifestId: string }>(
    tx,
    `select t.id as "tagId", t.name, t.manifest_id as "manifestId" from membership m join tag t on t.id = m.unit_id
     where m.repository_id = $1 and m.removed_in is null and m.tag_name = any($2::text[])`,
    [repositoryId, subjects.map(fallbackTagOf)],
  );
  const found: { subject: string; tagId: string }[] = [];
  for (const { tagId, name, manifestId } of rows) {
    const subject = await subjectOfFallback(tx, name, manifestId);
    if (subject !== undefined && subjects.includes(subject)) found.push({ subject, tagId });
  }
  return found;
}
