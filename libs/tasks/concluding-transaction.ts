import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction } from '#platform/database.js';
import type { TaskContext } from './define-task.js';

/** Runs the one transaction of a task: all that it does commits together with its end, or not at all. */
export function concludingTransaction<Result>(
  source: DataSource,
  context: Pick<TaskContext, 'fence' | 'conclude'>,
  work: (tx: EntityManager) => Promise<Result>,
): Promise<Result> {
  return inTransaction(source, async (tx) => {
    await context.fence(tx);
    return context.conclude(tx, await work(tx));
  });
}
