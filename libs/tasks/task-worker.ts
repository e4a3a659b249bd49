import type { BeforeApplicationShutdown, OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { invalid } from '#platform/domain-error.js';
import { consumeQueue, type JobConsumer, type QueueConnection } from '#platform/queue.js';
import type { TaskHandler } from './define-task.js';
import { TASK_QUEUE, TaskQueue } from './task-queue.js';
import { TaskRunner } from './task-runner.js';

/** Lets other processes be quicker than this one when the job comes back. */
const REFUSAL_PAUSE = 100;

/** Takes tasks from the queue and runs those that it may start; `concurrency` 0 takes none. */
export class TaskWorker implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  private readonly handlers: ReadonlyMap<string, TaskHandler>;
  private consumer: JobConsumer | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly queue: TaskQueue,
    private readonly runner: TaskRunner,
    private readonly options: { readonly connection: QueueConnection; readonly concurrency: number },
    handlers: readonly TaskHandler[],
  ) {
    this.handlers = new Map(handlers.map((handler) => [handler.task.name, handler]));
    if (this.handlers.size < handlers.length) throw new Error('two handlers are listed for one task');
  }

  async onApplicationBootstrap(): Promise<void> {
    const { connection, concurrency } = this.options;
    if (concurrency === 0) return;
    this.consumer = await consumeQueue(TASK_QUEUE, connection, { concurrency, run: (id) => this.runIfReady(id) });
  }

  /** Takes no more jobs. */
  onModuleDestroy(): void {
    this.closing = this.consumer?.close();
  }

  /** Waits for the jobs that run, before the database closes. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.closing;
  }

  private async runIfReady(id: string): Promise<void> {
    const answer = await this.runner.start(id, (name) => this.handlers.get(name) ?? unknownTask(name));
    if (answer !== 'refused') return;
    await sleep(REFUSAL_PAUSE);
    await this.queue.wake([id]);
  }
}

function unknownTask(name: string): TaskHandler {
  const text = `This worker does not know the task ${name}: run workers of the same version as the API.`;
  return {
    task: { name, retries: 0, timeoutSeconds: 0, restartable: false },
    run: () => Promise.reject(invalid(text, undefined, 'UNKNOWN_TASK')),
  };
}
