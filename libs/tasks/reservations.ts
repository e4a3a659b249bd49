import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';

/** What a task needs for itself and what it shares with others that only share. Names are hrefs or `pdrn:` names. */
export interface Reservation {
  readonly exclusive: readonly string[];
  readonly shared: readonly string[];
}

/** A reservation without doubles; a resource named twice is exclusive. */
export function normalise(exclusive: readonly string[] = [], shared: readonly string[] = []): Reservation {
  const own = new Set(exclusive);
  return { exclusive: [...own], shared: [...new Set(shared)].filter((name) => !own.has(name)) };
}

/** A reservation as clients read it. */
export const recordOf = ({ exclusive, shared }: Reservation): string[] => [
  ...exclusive,
  ...shared.map((name) => `shared:${name}`),
];

/**
 * Makes dispatchers of the same resources take turns until their transactions end, so that the order of dispatch is the
 * order in which tasks become visible. Without it a task could start while an earlier one is not committed yet.
 */
export async function orderDispatch(tx: EntityManager, reservation: Reservation): Promise<void> {
  const [names, modes] = resourceColumns(reservation);
  if (names.length === 0) return;
  await tx.query(
    `select case when exclusive then pg_advisory_xact_lock(key)::text else pg_advisory_xact_lock_shared(key)::text end
       from (select hashtextextended('task ' || name, 0) as key, bool_or(mode) as exclusive
               from unnest($1::text[], $2::boolean[]) as wanted(name, mode) group by 1 order by 1) as ordered`,
    [names, modes],
  );
}

/** A reservation as two arrays for SQL. */
export function resourceColumns({ exclusive, shared }: Reservation): [names: string[], exclusive: boolean[]] {
  return [
    [...exclusive, ...shared],
    [...exclusive.map(() => true), ...shared.map(() => false)],
  ];
}

/** SQL that is true while an earlier unfinished task stands in the way of the task with this id. */
export const blockedSql = (taskId: string): string => `exists (
  select 1 from task_resource mine where mine.task_id = ${taskId} and (
    exists (select 1 from task_resource other
      where other.resource = mine.resource and other.exclusive and other.position < mine.position)
    or mine.exclusive and exists (select 1 from task_resource other
      where other.resource = mine.resource and not other.exclusive and other.position < mine.position)))`;

/** Nothing reserved. */
export const NOTHING: Reservation = { exclusive: [], shared: [] };

/** Gives back what an ended task held, and returns it. */
export async function release(tx: EntityManager, taskId: string): Promise<Reservation> {
  const rows = await rowsOf<{ resource: string; exclusive: boolean }>(
    tx,
    'delete from task_resource where task_id = $1 returning resource, exclusive',
    [taskId],
  );
  const names = (exclusive: boolean) => rows.filter((row) => row.exclusive === exclusive).map((row) => row.resource);
  return { exclusive: names(true), shared: names(false) };
}

/**
 * Marks the waiting tasks that nothing blocks any more since these resources were given back, and returns their ids in
 * order. Run it after the commit of {@link release}. It looks no further than the first exclusive task of a resource, and
 * at nothing else where the resource was shared, so its cost does not grow with the queue.
 */
export async function unblock(tx: EntityManager, freed: Reservation): Promise<string[]> {
  const [names, modes] = resourceColumns(freed);
  if (names.length === 0) return [];
  const rows = await rowsOf<{ id: string; position: number }>(
    tx,
    `with candidate as materialized (
       select distinct held.task_id from unnest($1::text[], $2::boolean[]) as freed(resource, exclusive)
         cross join lateral (select min(position) as position from task_resource first
                              where first.resource = freed.resource and first.exclusive) as gate
         join task_resource held on held.resource = freed.resource
          and held.position >= case when freed.exclusive then 0 else gate.position end
          and held.position <= coalesce(gate.position, ${Number.MAX_SAFE_INTEGER})),
     ready as materialized (select task_id from candidate where not ${blockedSql('candidate.task_id')})
     update task set unblocked_at = coalesce(unblocked_at, clock_timestamp())
       from ready where task.id = ready.task_id and task.state = 'waiting' returning task.id, task.position`,
    [names, modes],
  );
  return rows.sort((a, b) => a.position - b.position).map(({ id }) => id);
}
