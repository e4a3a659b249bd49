import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { MEMBER_AT, type ReadView } from '../read/find-manifest.js';
import type { UnitRef } from '../versions/apply-change.js';
import { closureOf } from '../versions/closure.js';
import { manifestsOfTags } from './units.js';

/** Units with everything that they name: a tag brings its manifest, that its configs, layers and listed manifests. */
export async function expandUnits(tx: EntityManager, units: readonly UnitRef[]): Promise<UnitRef[]> {
  const tagged = await manifestsOfTags(
    tx,
    units.filter((unit) => unit.kind === 'tag').map((unit) => unit.id),
  );
  const named = units.filter((unit) => unit.kind === 'manifest').map((unit) => unit.id);
  return [...units, ...(await closureOf(tx, [...tagged, ...named]))];
}

/** What to take from a version: tags or manifests; neither: everything. An empty list takes nothing. */
export interface CopySelection {
  readonly tagNames?: readonly string[];
  readonly digests?: readonly string[];
  readonly mediaTypes?: readonly string[];
}

/**
 * Units of a version to copy elsewhere: the chosen tags or manifests, what they name, and everything attached to them in
 * that version: signatures, referrers at any depth, companion and fallback tags.
 */
export async function selectForCopy(tx: EntityManager, from: ReadView, selection: CopySelection): Promise<UnitRef[]> {
  const tags = await chosenTags(tx, from, selection);
  const manifests = selection.tagNames === undefined ? await chosenManifests(tx, from, selection) : [];
  const roots = [...new Set([...tags.map((tag) => tag.manifestId), ...manifests])];
  if (roots.length === 0) return [];
  const tree = await attachedTree(tx, from, roots);
  const companions = await companionTags(tx, from, tree);
  const closure = await closureOf(tx, [...tree, ...companions.map((tag) => tag.manifestId)]);
  const signatures = await signaturesOf(tx, from, closure);
  const tagUnits = [...tags, ...companions].map(({ id, name }): UnitRef => ({ id, kind: 'tag', tagName: name }));
  return [...closure, ...signatures, ...tagUnits];
}

interface TagRow {
  readonly id: string;
  readonly name: string;
  readonly manifestId: string;
}

async function chosenTags(tx: EntityManager, from: ReadView, selection: CopySelection): Promise<TagRow[]> {
  if (selection.tagNames === undefined && (selection.digests !== undefined || selection.mediaTypes !== undefined))
    return [];
  return rowsOf<TagRow>(
    tx,
    `select t.id, t.name, t.manifest_id as "manifestId" from membership m join tag t on t.id = m.unit_id
     where m.repository_id = $1 and ${MEMBER_AT} and m.tag_name is not null and ($3::text[] is null or m.tag_name = any($3))`,
    [from.repositoryId, from.pinned, selection.tagNames ?? null],
  );
}

async function chosenManifests(tx: EntityManager, from: ReadView, selection: CopySelection): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    tx,
    `select c.id from membership m join manifest c on c.id = m.unit_id
     where m.repository_id = $1 and ${MEMBER_AT} and m.kind = 'manifest'
       and ($3::text[] is null or c.digest = any($3)) and ($4::text[] is null or c.media_type = any($4))`,
    [from.repositoryId, from.pinned, selection.digests ?? null, selection.mediaTypes ?? null],
  );
  return rows.map((row) => row.id);
}

async function attachedTree(tx: EntityManager, from: ReadView, roots: readonly string[]): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    tx,
    `with recursive tree(id) as (
       select unnest($3::uuid[])
       union select edge.id from tree join lateral (
         select c.child_id as id from manifest_child c where c.manifest_id = tree.id
         union all
         select l.referrer_id from manifest s join relation l on l.subject_digest = s.digest
         join membership m on m.unit_id = l.referrer_id and m.repository_id = $1 and ${MEMBER_AT}
         where s.id = tree.id) edge on true)
     select id from tree`,
    [from.repositoryId, from.pinned, roots],
  );
  return rows.map((row) => row.id);
}

async function companionTags(tx: EntityManager, from: ReadView, manifestIds: readonly string[]): Promise<TagRow[]> {
  return rowsOf<TagRow>(
    tx,
    `select t.id, t.name, t.manifest_id as "manifestId"
     from manifest c cross join (values (''), ('.sig'), ('.att'), ('.sbom')) as suffix(text)
     join membership m on m.repository_id = $1 and m.tag_name = replace(left(c.digest, 71), ':', '-') || suffix.text and ${MEMBER_AT}
     join tag t on t.id = m.unit_id
     where c.id = any($3::uuid[])`,
    [from.repositoryId, from.pinned, manifestIds],
  );
}

function signaturesOf(tx: EntityManager, from: ReadView, units: readonly UnitRef[]): Promise<UnitRef[]> {
  return rowsOf<UnitRef>(
    tx,
    `select g.id, 'signature' as kind from manifest c join signature g on g.manifest_digest = c.digest
     join membership m on m.unit_id = g.id and m.repository_id = $1 and ${MEMBER_AT}
     where c.id = any($3::uuid[])`,
    [from.repositoryId, from.pinned, units.filter((unit) => unit.kind === 'manifest').map((unit) => unit.id)],
  );
}
