import type { OnApplicationShutdown } from '@nestjs/common';
import { log } from '#platform/logger.js';
import type { JobQueue } from '#platform/queue.js';

/** Name of the queue of tasks, on either backend. */
export const TASK_QUEUE = 'tasks';

const PATIENCE = 2000;

/** Tells workers that tasks may be ready. */
export class TaskQueue implements OnApplicationShutdown {
  constructor(private readonly jobs: JobQueue) {}

  /**
   * Enqueues tasks that are committed. It never fails: the rows are the truth, and the sweeper enqueues again what a queue
   * that is away did not take.
   */
  async wake(ids: readonly string[]): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_done, fail) => {
      timer = setTimeout(() => fail(new Error('the queue does not answer')), PATIENCE);
    });
    try {
      await Promise.race([this.jobs.add(ids), late]);
    } catch (error) {
      log('warn', 'tasks could not be enqueued now; the sweeper does it later', { tasks: ids, error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** How many jobs nobody has taken yet. */
  backlog(): Promise<number> {
    return this.jobs.backlog();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.jobs.close();
  }
}
