import type { DataSource } from 'typeorm';
import { announce } from '#platform/change-feed.js';
import { inTransaction } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { NOTHING, unblock } from './reservations.js';
import type { TaskQueue } from './task-queue.js';
import { endTask } from './task-state.js';
import { Task } from './task.entity.js';

/** Topic of the change that tells the process that runs a task to stop it; the key is the task's id. */
export const CANCEL_TOPIC = 'task-cancel';

/** The task after the attempt; `accepted` is false when it had ended before. */
export interface Cancellation {
  readonly task: Task;
  readonly accepted: boolean;
}

/** Cancels a waiting task at once, and tells the worker of a running one to stop it. */
export async function cancelTask(
  source: DataSource,
  queue: TaskQueue,
  id: string,
  reason?: string,
): Promise<Cancellation> {
  const error = reason === undefined ? null : { reason };
  const released = await inTransaction(source, async (tx) => {
    const task = await tx.findOne(Task, { where: { id }, lock: { mode: 'pessimistic_write' } });
    if (!task) throw notFound(`There is no task ${id}.`);
    if (task.state === 'waiting') return endTask(tx, id, 'canceled', error);
    if (task.state !== 'running') return NOTHING;
    await tx.query(
      `update task set state = 'canceling', error = $2::jsonb, pulp_last_updated = clock_timestamp() where id = $1`,
      [id, error && JSON.stringify(error)],
    );
    await announce(tx, CANCEL_TOPIC, id);
    return NOTHING;
  });
  await queue.wake(await unblock(source.manager, released));
  const task = await source.manager.findOneByOrFail(Task, { id });
  return { task, accepted: task.state === 'canceling' || task.state === 'canceled' };
}
