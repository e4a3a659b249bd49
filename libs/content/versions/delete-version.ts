import type { EntityManager } from 'typeorm';
import { announce } from '#platform/change-feed.js';
import { rowsOf } from '#platform/database.js';
import { DomainError, notFound } from '#platform/domain-error.js';
import type { UnitCounts, UnitKind } from './version.entity.js';

interface VersionRow {
  readonly id: string;
  readonly number: number;
}

/**
 * Deletes one version. Its rows move to the next version, so that later versions keep their content; rows whose ends meet
 * go. Deleting the newest makes the one before it the newest again. Cost: what the version and its successor changed.
 */
export async function deleteVersion(tx: EntityManager, repositoryId: string, number: number): Promise<void> {
  await tx.query('select 1 from repository where id = $1 for no key update', [repositoryId]);
  const versions = await rowsOf<VersionRow>(
    tx,
    `(select id, number from repository_version where repository_id = $1 and number = $2)
     union all (select id, number from repository_version where repository_id = $1 and number > $2 order by number limit 1)
     union all (select id, number from repository_version where repository_id = $1 and number < $2 order by number desc limit 1)`,
    [repositoryId, number],
  );
  const doomed = versions.find((version) => version.number === number);
  if (!doomed) throw notFound('The repository version does not exist.');
  const next = versions.find((version) => version.number > number);
  const previous = versions.find((version) => version.number < number);
  if (!next && !previous)
    throw new DomainError(
      'invalid',
      'PLP0011',
      'Cannot delete repository version. Repositories must have at least one repository version.',
    );
  if (next) await squashInto(tx, repositoryId, number, next);
  else await undo(tx, repositoryId, number, previous!.number);
  await tx.query('delete from repository_version where id = $1', [doomed.id]);
  await announce(tx, 'repository', repositoryId);
}

/** Versions that may not go: the newest of a distributed repository, and those a distribution is pinned to. */
export async function protectedVersions(tx: EntityManager, repositoryId: string): Promise<Set<number>> {
  const rows = await rowsOf<{ number: number }>(
    tx,
    `select v.number from repository_version v join distribution d on d.repository_version_id = v.id where v.repository_id = $1
     union select r.head from repository r join distribution d on d.repository_id = r.id where r.id = $1`,
    [repositoryId],
  );
  return new Set(rows.map((row) => row.number));
}

/** Drops versions beyond the newest `retain`, except protected ones. */
export async function pruneVersions(tx: EntityManager, repositoryId: string, retain: number): Promise<void> {
  const old = await rowsOf<{ number: number }>(
    tx,
    'select number from repository_version where repository_id = $1 order by number desc offset $2',
    [repositoryId, retain],
  );
  if (old.length === 0) return;
  const kept = await protectedVersions(tx, repositoryId);
  for (const { number } of old.reverse()) if (!kept.has(number)) await deleteVersion(tx, repositoryId, number);
}

async function squashInto(tx: EntityManager, repositoryId: string, number: number, next: VersionRow): Promise<void> {
  // Stays that began here and end in the next version were never seen by a version that remains.
  await tx.query('delete from membership where repository_id = $1 and added_in = $2 and removed_in = $3', [
    repositoryId,
    number,
    next.number,
  ]);
  // A unit that left here and came back in the next version never left.
  await tx.query(
    `with back as (
       delete from membership b using membership a
       where a.repository_id = $1 and b.repository_id = $1 and a.unit_id = b.unit_id and a.removed_in = $2 and b.added_in = $3
       returning b.unit_id, b.removed_in)
     update membership a set removed_in = back.removed_in from back
     where a.repository_id = $1 and a.unit_id = back.unit_id and a.removed_in = $2`,
    [repositoryId, number, next.number],
  );
  await tx.query('update membership set added_in = $3 where repository_id = $1 and added_in = $2', [
    repositoryId,
    number,
    next.number,
  ]);
  await tx.query('update membership set removed_in = $3 where repository_id = $1 and removed_in = $2', [
    repositoryId,
    number,
    next.number,
  ]);
  const [added, removed] = [
    await countWhere(tx, repositoryId, 'added_in', next.number),
    await countWhere(tx, repositoryId, 'removed_in', next.number),
  ];
  await tx.query('update repository_version set added = $2, removed = $3 where id = $1', [next.id, added, removed]);
}

async function undo(tx: EntityManager, repositoryId: string, number: number, previous: number): Promise<void> {
  await tx.query('delete from membership where repository_id = $1 and added_in = $2', [repositoryId, number]);
  await tx.query('update membership set removed_in = null where repository_id = $1 and removed_in = $2', [
    repositoryId,
    number,
  ]);
  await tx.query('update repository set head = $2, revision = revision + 1 where id = $1', [repositoryId, previous]);
}

async function countWhere(
  tx: EntityManager,
  repositoryId: string,
  column: 'added_in' | 'removed_in',
  number: number,
): Promise<UnitCounts> {
  const rows = await rowsOf<{ kind: UnitKind; count: number }>(
    tx,
    `select kind, count(*)::int as count from membership where repository_id = $1 and ${column} = $2 group by kind`,
    [repositoryId, number],
  );
  return Object.fromEntries(rows.map((row) => [row.kind, row.count]));
}
