import type { EntityManager } from 'typeorm';
import { announce } from '#platform/change-feed.js';
import { rowsOf } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { pruneVersions } from './delete-version.js';
import type { UnitCounts, UnitKind } from './version.entity.js';

/** A content unit as memberships know it. Tags carry their name. */
export interface UnitRef {
  readonly id: string;
  readonly kind: UnitKind;
  readonly tagName?: string | null;
}

/** What the next version differs in. A tag that is added takes the place of its namesake. */
export interface VersionChange {
  readonly add?: readonly UnitRef[];
  readonly remove?: readonly string[];
}

/** A version that was made. */
export interface MadeVersion {
  readonly id: string;
  readonly repositoryId: string;
  readonly number: number;
  readonly added: UnitCounts;
  readonly removed: UnitCounts;
  readonly present: UnitCounts;
}

interface LockedRepository {
  readonly id: string;
  readonly head: number;
  readonly last_number: number;
  readonly retain_repo_versions: number | null;
}

/** Locks a repository until the transaction ends, so that its versions follow each other. */
export async function lockRepository(tx: EntityManager, repositoryId: string): Promise<LockedRepository> {
  const [row] = await rowsOf<LockedRepository>(
    tx,
    'select id, head, last_number, retain_repo_versions from repository where id = $1 for no key update',
    [repositoryId],
  );
  if (!row) throw notFound('The repository does not exist any more.', 'NAME_UNKNOWN');
  return row;
}

/**
 * Makes the next version of a repository from a change; undefined when nothing would differ. Cost: the size of the change.
 * Units that were staged leave the staging. Older versions beyond the repository's retention are dropped.
 */
export async function applyChange(
  tx: EntityManager,
  repositoryId: string,
  change: VersionChange,
  options: { taskId?: string | null; baseVersionId?: string | null } = {},
): Promise<MadeVersion | undefined> {
  const repository = await lockRepository(tx, repositoryId);
  const number = repository.last_number + 1;
  const add = change.add ?? [];
  const kept = new Set(add.map((unit) => unit.id));
  const remove = (change.remove ?? []).filter((id) => !kept.has(id));
  const removed = countKinds([
    ...(await removeUnits(tx, repositoryId, number, remove)),
    ...(await replaceTags(tx, repositoryId, number, add)),
  ]);
  const added = countKinds(await addUnits(tx, repositoryId, number, add));
  if (add.length > 0) await unstage(tx, repositoryId, [...kept]);
  if (Object.keys(added).length === 0 && Object.keys(removed).length === 0) return undefined;

  const present = addCounts(await presentAt(tx, repositoryId, repository.head), added, removed);
  const id = newId();
  await tx.query(
    `insert into repository_version (id, repository_id, number, base_version_id, task_id, added, removed, present)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [id, repositoryId, number, options.baseVersionId ?? null, options.taskId ?? null, added, removed, present],
  );
  await tx.query(
    `update repository set head = $2, last_number = $2, revision = revision + 1, pulp_last_updated = now() where id = $1`,
    [repositoryId, number],
  );
  await announce(tx, 'repository', repositoryId);
  if (repository.retain_repo_versions !== null) await pruneVersions(tx, repositoryId, repository.retain_repo_versions);
  return { id, repositoryId, number, added, removed, present };
}

/** Tells readers that staged content of a repository changed. */
export async function touchRepository(tx: EntityManager, repositoryId: string): Promise<void> {
  await tx.query('update repository set revision = revision + 1 where id = $1', [repositoryId]);
  await announce(tx, 'repository', repositoryId);
}

type KindRow = { kind: UnitKind; count: number };

function removeUnits(
  tx: EntityManager,
  repositoryId: string,
  number: number,
  ids: readonly string[],
): Promise<KindRow[]> {
  if (ids.length === 0) return Promise.resolve([]);
  return rowsOf(
    tx,
    `with gone as (
       update membership set removed_in = $2
       where repository_id = $1 and removed_in is null and unit_id = any($3::uuid[]) returning kind)
     select kind, count(*)::int as count from gone group by kind`,
    [repositoryId, number, ids],
  );
}

function replaceTags(
  tx: EntityManager,
  repositoryId: string,
  number: number,
  add: readonly UnitRef[],
): Promise<KindRow[]> {
  const tags = add.filter((unit) => unit.kind === 'tag');
  if (tags.length === 0) return Promise.resolve([]);
  return rowsOf(
    tx,
    `with gone as (
       update membership m set removed_in = $2
       from unnest($3::uuid[], $4::text[]) as fresh(id, name)
       where m.repository_id = $1 and m.removed_in is null and m.tag_name = fresh.name and m.unit_id <> fresh.id
       returning m.kind)
     select kind, count(*)::int as count from gone group by kind`,
    [repositoryId, number, tags.map((tag) => tag.id), tags.map((tag) => tag.tagName)],
  );
}

function addUnits(
  tx: EntityManager,
  repositoryId: string,
  number: number,
  add: readonly UnitRef[],
): Promise<KindRow[]> {
  if (add.length === 0) return Promise.resolve([]);
  return rowsOf(
    tx,
    `with come as (
       insert into membership (repository_id, unit_id, kind, tag_name, added_in)
       select distinct on (fresh.id) $1::uuid, fresh.id, fresh.kind, fresh.name, $2::int
       from unnest($3::uuid[], $4::text[], $5::text[]) as fresh(id, kind, name)
       order by fresh.id
       on conflict (repository_id, unit_id) where removed_in is null do nothing returning kind)
     select kind, count(*)::int as count from come group by kind`,
    [
      repositoryId,
      number,
      add.map((unit) => unit.id),
      add.map((unit) => unit.kind),
      add.map((unit) => unit.tagName ?? null),
    ],
  );
}

async function unstage(tx: EntityManager, repositoryId: string, ids: readonly string[]): Promise<void> {
  await tx.query('delete from staged where repository_id = $1 and unit_id = any($2::uuid[])', [repositoryId, ids]);
}

async function presentAt(tx: EntityManager, repositoryId: string, number: number): Promise<UnitCounts> {
  const [row] = await rowsOf<{ present: UnitCounts }>(
    tx,
    'select present from repository_version where repository_id = $1 and number = $2',
    [repositoryId, number],
  );
  return row?.present ?? {};
}

function countKinds(rows: readonly KindRow[]): UnitCounts {
  const counts: UnitCounts = {};
  for (const { kind, count } of rows) counts[kind] = (counts[kind] ?? 0) + count;
  return counts;
}

/** Counts after a change; kinds that reach zero are absent. */
export function addCounts(base: UnitCounts, added: UnitCounts, removed: UnitCounts): UnitCounts {
  const counts: UnitCounts = {};
  for (const kind of ['blob', 'manifest', 'tag', 'signature'] as const) {
    const count = (base[kind] ?? 0) + (added[kind] ?? 0) - (removed[kind] ?? 0);
    if (count > 0) counts[kind] = count;
  }
  return counts;
}
