import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction, rowsOf } from '#platform/database.js';
import { log } from '#platform/logger.js';
import { NOTHING, unblock } from './reservations.js';
import type { TaskQueue } from './task-queue.js';
import { endTask, type ClaimedTask } from './task-state.js';
import type { TaskState } from './task.entity.js';

/** How often a task may be started before it is taken for the one that ends its workers. */
const MOST_ATTEMPTS = 3;

/** A run whose process is gone or has forgotten it. */
export type LostRun = Pick<ClaimedTask, 'id' | 'claim'>;

/** Lets lost tasks run again in their old place, or ends them: cancelled when that was asked, else failed. */
export async function recoverTasks(source: DataSource, queue: TaskQueue, runs: readonly LostRun[]): Promise<void> {
  for (const run of runs) {
    const again = await inTransaction(source, (tx) => recoverTask(tx, run));
    if (!again) continue;
    log('warn', 'the worker of a task is gone', { task: run.id, next: again.wake.length > 0 ? 'run again' : 'ended' });
    await queue.wake([...again.wake, ...(await unblock(source.manager, again.released))]);
  }
}

async function recoverTask(tx: EntityManager, run: LostRun) {
  const [row] = await rowsOf<{ state: TaskState; again: boolean }>(
    tx,
    // A run that stores its outcome right now holds the row; it is not lost yet.
    `select state, restartable and attempts < $3 as again from task
      where id = $1 and claim = $2 and state in ('running', 'canceling') for update skip locked`,
    [run.id, run.claim, MOST_ATTEMPTS],
  );
  if (!row) return undefined;
  if (row.state === 'canceling') return { wake: [], released: await endTask(tx, run.id, 'canceled', null) };
  if (!row.again) {
    return { wake: [], released: await endTask(tx, run.id, 'failed', { reason: 'Worker has gone missing.' }) };
  }
  await tx.query(
    `update task set state = 'waiting', claim = null, worker = null, started_at = null, progress_reports = '[]', created_resources = '{}',
        enqueued_at = clock_timestamp(), pulp_last_updated = clock_timestamp() where id = $1`,
    [run.id],
  );
  return { wake: [run.id], released: NOTHING };
}
