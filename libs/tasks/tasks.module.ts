import { Module, type DynamicModule, type ModuleMetadata, type Provider, type Type } from '@nestjs/common';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { openQueue, queueConnection } from '#platform/queue.js';
import type { TaskHandler } from './define-task.js';
import { TaskDispatcher } from './dispatch.js';
import { PROCESS, ProcessStatus, type ProcessDescription } from './process-status.js';
import { RunningTasks } from './running-tasks.js';
import { Scheduler } from './schedule.js';
import { Sweeper, SweeperSchedule } from './sweeper.js';
import { TASK_QUEUE, TaskQueue } from './task-queue.js';
import { TaskRunner } from './task-runner.js';
import { TaskWorker } from './task-worker.js';
import { TASK_TIMINGS, TIMINGS, type TaskTimings } from './timings.js';

/** What an app says when it imports {@link TasksModule}. */
export interface TasksOptions extends Pick<ModuleMetadata, 'imports'> {
  readonly process: ProcessDescription;
  readonly timings?: TaskTimings;
}

/**
 * Dispatch, cancellation, immediate tasks, heartbeat, sweeper and scheduler of one process. It needs `DataSource`,
 * `ChangeFeed` (started) and {@link CONFIG}, which are global or come from `imports`.
 */
@Module({})
export class TasksModule {
  static register(options: TasksOptions): DynamicModule {
    return {
      module: TasksModule,
      global: true,
      imports: options.imports ?? [],
      providers: [
        { provide: PROCESS, useValue: options.process },
        { provide: TIMINGS, useValue: options.timings ?? TASK_TIMINGS },
        { provide: TaskQueue, inject: [CONFIG], useFactory: openTaskQueue },
        RunningTasks,
        ProcessStatus,
        TaskRunner,
        TaskDispatcher,
        Sweeper,
        Scheduler,
        SweeperSchedule,
      ],
      exports: [PROCESS, TIMINGS, TaskQueue, ProcessStatus, TaskRunner, TaskDispatcher, Sweeper, Scheduler],
    };
  }
}

/** Providers of an app that runs tasks: put them into a module that can inject what the handlers need. */
export function taskWorkerProviders(handlers: readonly Type<TaskHandler>[]): Provider[] {
  return [
    ...handlers,
    {
      provide: TaskWorker,
      inject: [CONFIG, TaskQueue, TaskRunner, ...handlers],
      useFactory: (config: HallmarkConfig, queue: TaskQueue, runner: TaskRunner, ...all: TaskHandler[]) =>
        new TaskWorker(queue, runner, { connection: queueConnection(config), concurrency: config.workers }, all),
    },
  ];
}

async function openTaskQueue(config: HallmarkConfig): Promise<TaskQueue> {
  return new TaskQueue(await openQueue(TASK_QUEUE, queueConnection(config)));
}
