import type { EntityManager } from 'typeorm';
import { announce } from '#platform/change-feed.js';
import { rowsOf } from '#platform/database.js';
import { DomainError, invalid, notFound } from '#platform/domain-error.js';
import { addCounts, countKinds, type KindCount } from './unit-counts.js';
import type { UnitCounts } from './version.entity.js';

/** What is said of a version that may not go. */
export const VERSION_IN_USE =
  'The repository version cannot be deleted because it (or its publications) are currently being used to distribute content. Please update the necessary distributions first.';

/**
 * Deletes one version. What it changed counts as changed by the next one, so that later versions keep their content; deleting
 * the newest makes the one before it the newest again. Cost: what the version and its successor changed. Throws while a
 * distribution serves it.
 */
export async function deleteVersion(tx: EntityManager, repositoryId: string, number: number): Promise<void> {
  await tx.query('select 1 from repository where id = $1 for no key update', [repositoryId]);
  // Who pins a distribution to the version has locked it until that is committed.
  await tx.query('select 1 from repository_version where repository_id = $1 and number = $2 for update', [
    repositoryId,
    number,
  ]);
  if ((await protectedVersions(tx, repositoryId)).has(number)) throw invalid(VERSION_IN_USE);
  await takeOut(tx, repositoryId, number);
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

/** Drops versions beyond the newest `retain`, except protected ones. The repository must be locked. */
export async function pruneVersions(tx: EntityManager, repositoryId: string, retain: number): Promise<void> {
  const old = await rowsOf<{ number: number }>(
    tx,
    `select number from repository_version where repository_id = $1 and number <= (
       select number from repository_version where repository_id = $1 order by number desc offset $2 limit 1)
     order by number for update`,
    [repositoryId, retain],
  );
  if (old.length === 0) return;
  const kept = await protectedVersions(tx, repositoryId);
  for (const { number } of old) if (!kept.has(number)) await takeOut(tx, repositoryId, number);
}

interface VersionRow {
  readonly id: string;
  readonly number: number;
  readonly added: UnitCounts;
  readonly removed: UnitCounts;
}

async function takeOut(tx: EntityManager, repositoryId: string, number: number): Promise<void> {
  const versions = await rowsOf<VersionRow>(
    tx,
    `(select id, number, added, removed from repository_version where repository_id = $1 and number = $2)
     union all (select id, number, added, removed from repository_version where repository_id = $1 and number > $2 order by number limit 1)
     union all (select id, number, added, removed from repository_version where repository_id = $1 and number < $2 order by number desc limit 1)`,
    [repositoryId, number],
  );
  const doomed = versions.find((version) => version.number === number);
  if (!doomed) throw notFound('The repository version does not exist.');
  const next = versions.find((version) => version.number > number);
  const previous = versions.find((version) => version.number < number);
  if (next) await squashInto(tx, repositoryId, previous?.number ?? -1, doomed, next);
  else if (previous) await undo(tx, repositoryId, previous.number);
  else
    throw new DomainError(
      'invalid',
      'PLP0011',
      'Cannot delete repository version. Repositories must have at least one repository version.',
    );
  await tx.query('delete from repository_version where id = $1', [doomed.id]);
  await announce(tx, 'repository', repositoryId);
}

/**
 * Lets what happened after `previous` up to the doomed version have happened in the next one. Rows keep their numbers, for a
 * version changed what came or went after the version before it; only what the two changed back and forth goes.
 */
async function squashInto(
  tx: EntityManager,
  repositoryId: string,
  previous: number,
  doomed: VersionRow,
  next: VersionRow,
): Promise<void> {
  const span = [repositoryId, previous, doomed.number, next.number];
  // Stays that began there and end in the next version are seen by no version that remains.
  const unseen = await rowsOf<KindCount>(
    tx,
    `with unseen as (
       delete from membership where repository_id = $1 and added_in > $2 and added_in <= $3 and removed_in > $3 and removed_in <= $4
       returning kind)
     select kind, count(*)::int as count from unseen group by kind`,
    span,
  );
  // A unit that left there and came back in the next version never left.
  const back = await rowsOf<KindCount>(
    tx,
    `with back as (
       delete from membership b using membership a
       where a.repository_id = $1 and b.repository_id = $1 and a.unit_id = b.unit_id
         and a.removed_in > $2 and a.removed_in <= $3 and b.added_in > $3 and b.added_in <= $4
       returning a.id, b.removed_in),
     stayed as (update membership a set removed_in = back.removed_in from back where a.id = back.id returning a.kind)
     select kind, count(*)::int as count from stayed group by kind`,
    span,
  );
  const undone = countKinds([...unseen, ...back]);
  await tx.query('update repository_version set added = $2, removed = $3 where id = $1', [
    next.id,
    addCounts(doomed.added, next.added, undone),
    addCounts(doomed.removed, next.removed, undone),
  ]);
}

async function undo(tx: EntityManager, repositoryId: string, previous: number): Promise<void> {
  await tx.query('delete from membership where repository_id = $1 and added_in > $2', [repositoryId, previous]);
  await tx.query('update membership set removed_in = null where repository_id = $1 and removed_in > $2', [
    repositoryId,
    previous,
  ]);
  await tx.query('update repository set head = $2, revision = revision + 1 where id = $1', [repositoryId, previous]);
}
