import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { storableJson } from '#platform/storable-json.js';
import { blockedSql, release, type Reservation } from './reservations.js';
import type { ProgressReport, TaskError, TaskState } from './task.entity.js';

/** A task that this process may run now. */
export interface ClaimedTask {
  readonly id: string;
  readonly name: string;
  readonly payload: unknown;
  readonly loggingCid: string;
  /** Token of this run. */
  readonly claim: string;
}

/** How a run ended. */
export interface Outcome {
  readonly state: Extract<TaskState, 'completed' | 'failed' | 'canceled'>;
  readonly result?: unknown;
  readonly error?: TaskError;
  readonly progress: readonly ProgressReport[];
  readonly createdResources: readonly string[];
}

/**
 * Takes a waiting task that nothing blocks. Returns nothing when it is blocked, taken or ended: whoever ends the task in its
 * way wakes it again.
 */
export async function claimTask(source: DataSource, id: string, worker: string): Promise<ClaimedTask | undefined> {
  const [row] = await rowsOf<Omit<ClaimedTask, 'loggingCid'> & { logging_cid: string }>(
    source,
    `update task set state = 'running', worker = $2, claim = $3, attempts = attempts + 1,
        started_at = clock_timestamp(), unblocked_at = coalesce(unblocked_at, clock_timestamp()),
        pulp_last_updated = clock_timestamp()
      where id = $1 and state = 'waiting' and not ${blockedSql('task.id')}
      returning id, name, payload, logging_cid, claim`,
    [id, worker, newId()],
  );
  return row && { ...row, loggingCid: row.logging_cid };
}

/** How a row ended, and what it held until then. */
export interface EndedTask {
  readonly state: Outcome['state'];
  readonly released: Reservation;
}

/**
 * Ends a run together with its reservation; returns what it held, or nothing when the task is not this run's any more. A
 * task that was asked to cancel ends as cancelled whatever its run says.
 */
export async function finishTask(
  tx: EntityManager,
  task: Pick<ClaimedTask, 'id' | 'claim'>,
  outcome: Outcome,
): Promise<EndedTask | undefined> {
  const [row] = await rowsOf<Pick<EndedTask, 'state'>>(
    tx,
    `update task set state = case when state = 'canceling' then 'canceled' else $3 end,
        error = case when state = 'canceling' then error else $4::jsonb end, result = $5::jsonb,
        progress_reports = $6::jsonb, created_resources = $7::text[], claim = null,
        finished_at = clock_timestamp(), pulp_last_updated = clock_timestamp()
      where id = $1 and claim = $2 and state in ('running', 'canceling') returning state`,
    [
      task.id,
      task.claim,
      outcome.state,
      json(outcome.error),
      json(outcome.result),
      json(outcome.progress),
      outcome.createdResources,
    ],
  );
  return row && { state: row.state, released: await release(tx, task.id) };
}

/** Ends a task that nobody runs, inside a transaction that holds its row; returns what it held. */
export async function endTask(
  tx: EntityManager,
  id: string,
  state: 'failed' | 'canceled',
  error: TaskError | null,
): Promise<Reservation> {
  await tx.query(
    `update task set state = $2, error = coalesce($3::jsonb, error), claim = null, finished_at = clock_timestamp(),
        pulp_last_updated = clock_timestamp() where id = $1`,
    [id, state, json(error)],
  );
  return release(tx, id);
}

/** Stores progress while a run goes on; does nothing when the task is not this run's any more. */
export async function storeProgress(
  source: DataSource,
  task: Pick<ClaimedTask, 'id' | 'claim'>,
  reports: readonly ProgressReport[],
  createdResources: readonly string[],
): Promise<void> {
  await source.query(
    `update task set progress_reports = $3::jsonb, created_resources = $4::text[], pulp_last_updated = clock_timestamp()
      where id = $1 and claim = $2`,
    [task.id, task.claim, json(reports), createdResources],
  );
}

/** True when this run still owns its task and nobody asked to cancel it; holds the row until the transaction ends. */
export async function holdsTask(tx: EntityManager, task: Pick<ClaimedTask, 'id' | 'claim'>): Promise<boolean> {
  const rows = await rowsOf(
    tx,
    `select 1 from task where id = $1 and claim = $2 and state = 'running' for no key update`,
    [task.id, task.claim],
  );
  return rows.length > 0;
}

const json = (value: unknown) => (value === undefined || value === null ? null : storableJson(value));
