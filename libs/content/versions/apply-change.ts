import type { EntityManager } from 'typeorm';
import { announce, announcement } from '#platform/change-feed.js';
import { preparedIn } from '#platform/database.js';
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

/** A repository that this transaction has locked. */
export interface LockedRepository {
  readonly id: string;
  readonly head: number;
  readonly last_number: number;
  readonly retain_repo_versions: number | null;
}

/** Locks a repository until the transaction ends, so that its versions follow each other. */
export async function lockRepository(tx: EntityManager, repositoryId: string): Promise<LockedRepository> {
  const [row] = await preparedIn<LockedRepository>(
    tx,
    'lock-repository',
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
  options: { taskId?: string | null; baseVersionId?: string | null; locked?: LockedRepository } = {},
): Promise<MadeVersion | undefined> {
  const repository = options.locked ?? (await lockRepository(tx, repositoryId));
  const number = repository.last_number + 1;
  const add = change.add ?? [];
  const kept = new Set(add.map((unit) => unit.id));
  const remove = (change.remove ?? []).filter((id) => !kept.has(id));
  const rows = await changeMembers(tx, repository, number, { add, remove });
  const removed = countKinds(rows.filter(({ what }) => what === 'gone'));
  const added = countKinds(rows.filter(({ what }) => what === 'come'));
  if (Object.keys(added).length === 0 && Object.keys(removed).length === 0) return undefined;

  const present = addCounts(rows.find(({ what }) => what === 'before')?.present ?? {}, added, removed);
  const id = newId();
  await preparedIn(
    tx,
    'add-version',
    `with made as (
       insert into repository_version (id, repository_id, number, base_version_id, task_id, added, removed, present)
       values ($1, $2, $3, $4, $5, $6, $7, $8))
     update repository set head = $3, last_number = $3, revision = revision + 1, pulp_last_updated = now() where id = $2
     returning pg_notify($9, $10)`,
    [
      id,
      repositoryId,
      number,
      options.baseVersionId ?? null,
      options.taskId ?? null,
      added,
      removed,
      present,
      ...announcement('repository', repositoryId),
    ],
  );
  if (repository.retain_repo_versions !== null) await pruneVersions(tx, repositoryId, repository.retain_repo_versions);
  return { id, repositoryId, number, added, removed, present };
}

/** Tells readers that staged content of a repository changed. */
export async function touchRepository(tx: EntityManager, repositoryId: string): Promise<void> {
  await tx.query('update repository set revision = revision + 1 where id = $1', [repositoryId]);
  await announce(tx, 'repository', repositoryId);
}

type KindRow = { kind: UnitKind; count: number };
type ChangedRow = KindRow & { readonly what: 'gone' | 'come' | 'before'; readonly present: UnitCounts | null };

/**
 * Takes units and the namesakes of new tags out, then puts units in and out of the staging. What comes waits for the count
 * of what goes, so that a tag's name is free by then.
 */
function changeMembers(
  tx: EntityManager,
  repository: LockedRepository,
  number: number,
  { add, remove }: Required<VersionChange>,
): Promise<ChangedRow[]> {
  const tags = add.filter((unit) => unit.kind === 'tag');
  return preparedIn(
    tx,
    'change-members',
    `with gone_units as (
       update membership set removed_in = $2::int
       where repository_id = $1::uuid and removed_in is null and unit_id = any($4::uuid[]) returning kind),
     gone_tags as (
       update membership m set removed_in = $2::int
       from unnest($5::uuid[], $6::text[]) as fresh(id, name)
       where m.repository_id = $1::uuid and m.removed_in is null and m.tag_name = fresh.name and m.unit_id <> fresh.id
       returning m.kind),
     gone as (select kind from gone_units union all select kind from gone_tags),
     come as (
       insert into membership (repository_id, unit_id, kind, tag_name, added_in)
       select distinct on (fresh.id) $1::uuid, fresh.id, fresh.kind, fresh.name, $2::int
       from unnest($7::uuid[], $8::text[], $9::text[]) as fresh(id, kind, name)
       where (select count(*) from gone) >= 0
       order by fresh.id
       on conflict (repository_id, unit_id) where removed_in is null do nothing returning kind),
     unstaged as (delete from staged where repository_id = $1::uuid and unit_id = any($7::uuid[]))
     select 'gone' as what, kind, count(*)::int as count, null::jsonb as present from gone group by kind
     union all select 'come', kind, count(*)::int, null from come group by kind
     union all select 'before', null, 0, present from repository_version where repository_id = $1::uuid and number = $3::int`,
    [
      repository.id,
      number,
      repository.head,
      remove,
      tags.map((tag) => tag.id),
      tags.map((tag) => tag.tagName),
      add.map((unit) => unit.id),
      add.map((unit) => unit.kind),
      add.map((unit) => unit.tagName ?? null),
    ],
  );
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
