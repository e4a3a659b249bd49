import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { isDomainError } from '#platform/domain-error.js';
import { log, withCorrelation } from '#platform/logger.js';
import { tally } from '#platform/metrics-tally.js';
import type { TaskHandler } from './define-task.js';
import { ProcessStatus } from './process-status.js';
import { unblock } from './reservations.js';
import { failureOf, RunContext, type Ending } from './run-context.js';
import { RunningTasks } from './running-tasks.js';
import { lost, TaskStopped, timedOut } from './stop-reasons.js';
import { TaskQueue } from './task-queue.js';
import { claimTask, type ClaimedTask } from './task-state.js';
import { Task } from './task.entity.js';
import { TIMINGS, type TaskTimings } from './timings.js';

/** How many tasks ended here; each is shown from the start, so that the first one is seen as an increase. */
const ENDED = {
  completed: tally('task_completed'),
  failed: tally('task_failed'),
  canceled: tally('task_canceled'),
};

/** Runs claimed tasks in this process and writes how they ended. */
@Injectable()
export class TaskRunner {
  constructor(
    private readonly source: DataSource,
    private readonly running: RunningTasks,
    private readonly queue: TaskQueue,
    private readonly process: ProcessStatus,
    @Inject(TIMINGS) private readonly timings: TaskTimings,
  ) {}

  /**
   * Runs a task to its end when it may start now, and wakes those that waited for it. Without effect when it is blocked,
   * taken or ended; `refused` when another process should try: this one stops, or still winds up a lost run of the task.
   */
  async start(id: string, handlerOf: (name: string) => TaskHandler, immediate = false): Promise<'done' | 'refused'> {
    const controller = this.running.open(id);
    if (!controller) return this.running.accepts && !(await this.hasLost(id)) ? 'done' : 'refused';
    try {
      const task = await claimTask(this.source, id, this.process.name);
      if (!task) return 'done';
      this.running.markClaimed(id);
      await this.run(task, handlerOf(task.name), controller, immediate);
      return 'done';
    } finally {
      this.running.close(id);
    }
  }

  /** True when a task that runs here was given up by others; the run is told. */
  private async hasLost(id: string): Promise<boolean> {
    if (!this.running.claimedIds.includes(id)) return false;
    const given = await this.source.manager.existsBy(Task, { id, state: 'waiting' });
    if (given) this.running.abort(id, lost());
    return given;
  }

  private async run(task: ClaimedTask, handler: TaskHandler, controller: AbortController, immediate: boolean) {
    await withCorrelation(task.loggingCid, async () => {
      const seconds = handler.task.timeoutSeconds;
      const limit = seconds > 0 ? seconds * 1000 : immediate ? this.timings.immediate : 0;
      const timer = limit > 0 && setTimeout(() => controller.abort(timedOut(limit, task.id, immediate)), limit);
      const context = new RunContext(this.source, task, controller.signal);
      try {
        const ending = await this.ending(task, handler, context);
        if (ending) await this.finish(task, ending, context);
      } finally {
        if (timer) clearTimeout(timer);
        context.abandon();
      }
    });
  }

  /** How the handler ended; nothing when the task is not ours any more. */
  private async ending(task: ClaimedTask, handler: TaskHandler, context: RunContext): Promise<Ending | undefined> {
    const { signal } = context;
    try {
      return { state: 'completed', result: await this.tryHandler(task, handler, context) };
    } catch (error) {
      const stop: unknown = signal.aborted ? signal.reason : error;
      if (!(stop instanceof TaskStopped)) return failureOf(error, task);
      if (stop.why === 'lost') return undefined;
      if (stop.error) return { state: 'failed', error: stop.error };
      return { state: 'canceled' };
    }
  }

  private async tryHandler(task: ClaimedTask, handler: TaskHandler, context: RunContext) {
    const { signal } = context;
    for (let attempt = 0; ; attempt += 1) {
      try {
        signal.throwIfAborted();
        return await orAbandoned(handler.run(task.payload, context), signal, this.timings.abortGrace);
      } catch (error) {
        const final = signal.aborted || isDomainError(error) || error instanceof TaskStopped;
        if (final || attempt >= handler.task.retries) throw error;
        context.log('warn', 'the task met a failure and is tried again', { attempt, error });
        await sleep(Math.min(1000 * 2 ** attempt, 30_000), undefined, { signal });
      }
    }
  }

  /** Tries for half a minute, since the database may restart; after that the heartbeat gives the task up. */
  private async finish(task: ClaimedTask, ending: Ending, context: RunContext): Promise<void> {
    for (let wait = 100; ; wait *= 2) {
      try {
        const ended = await context.finish(ending);
        if (!ended)
          return log('warn', 'the task was taken from this worker; its outcome is dropped', { task: task.id });
        ENDED[ended.state].count += 1;
        log('info', 'task ended', { task: task.id, name: task.name, state: ended.state });
        const next = await unblock(this.source.manager, ended.released);
        if (next.length > 0) await this.queue.wake(next);
        return;
      } catch (error) {
        if (wait > 12_800) throw error;
        log('warn', 'the end of a task could not be stored yet', { task: task.id, error });
        await sleep(wait);
      }
    }
  }
}

/** Waits for work, but after an abort no longer than `grace`: then it goes on without the task, and its fence is shut. */
async function orAbandoned<T>(work: Promise<T>, signal: AbortSignal, grace: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const abandoned = new Promise<never>((_done, fail) => {
    onAbort = () => {
      timer = setTimeout(() => fail(signal.reason as Error), grace);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, abandoned]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
