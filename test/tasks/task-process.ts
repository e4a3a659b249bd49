import { Global, Module, type DynamicModule, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { ChangeFeed } from '#platform/change-feed.js';
import { CONFIG, Config, type HallmarkConfig } from '#platform/config.js';
import { queueConnection } from '#platform/queue.js';
import type { AppType } from '#tasks/app-status.entity.js';
import type { TaskHandler } from '#tasks/define-task.js';
import { TaskDispatcher } from '#tasks/dispatch.js';
import { ProcessStatus } from '#tasks/process-status.js';
import { Scheduler } from '#tasks/schedule.js';
import { Sweeper } from '#tasks/sweeper.js';
import { TaskQueue } from '#tasks/task-queue.js';
import { TaskRunner } from '#tasks/task-runner.js';
import { TaskWorker } from '#tasks/task-worker.js';
import { TasksModule } from '#tasks/tasks.module.js';
import { TASK_TIMINGS, type TaskTimings } from '#tasks/timings.js';

/** Timings that let a test see in a second what takes a quarter of a minute in the product. */
export const QUICK: TaskTimings = { ttl: 900, sweep: 300, drain: 300, abortGrace: 500, immediate: 5_000 };

/** Timings for tests with processes of their own, which may be slow to start and to answer. */
export const STEADY: TaskTimings = { ...QUICK, ttl: 3_000 };

/** What stands in for a process of the product: everything of its own but the memory. */
export interface TaskProcess {
  readonly app: INestApplicationContext;
  readonly dispatcher: TaskDispatcher;
  readonly status: ProcessStatus;
  readonly scheduler: Scheduler;
  readonly sweeper: Sweeper;
  readonly feed: ChangeFeed;
  close(): Promise<void>;
}

/** How to make a {@link TaskProcess}. */
export interface TaskProcessOptions {
  readonly source: DataSource;
  readonly databaseUrl: string;
  readonly redisUrl?: string | undefined;
  readonly appType?: AppType;
  /** With handlers it takes tasks from the queue, so many at once. */
  readonly handlers?: readonly TaskHandler[];
  readonly workers?: number;
  readonly timings?: Partial<TaskTimings>;
}

/** Starts the tasks module as an app of the product does. */
export async function startTaskProcess(options: TaskProcessOptions): Promise<TaskProcess> {
  const { source, databaseUrl, redisUrl, appType = 'worker', handlers, workers = 4, timings } = options;
  const config = Config.read({}).with({ databaseUrl, databaseDirectUrl: databaseUrl, redisUrl, workers });
  const feed = new ChangeFeed(databaseUrl);
  await feed.start();
  const tasks = TasksModule.register({
    process: { appType, versions: { container: '0.0.0' } },
    timings: { ...TASK_TIMINGS, ...timings },
  });
  const root: DynamicModule = {
    module: TestModule,
    imports: [Ground.of(config, source, feed), tasks],
    providers: handlers ? [workerOf(config, handlers)] : [],
  };
  const app = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
  return {
    app,
    feed,
    dispatcher: app.get(TaskDispatcher),
    status: app.get(ProcessStatus),
    scheduler: app.get(Scheduler),
    sweeper: app.get(Sweeper),
    async close() {
      await app.close();
      await feed.stop();
    },
  };
}

@Module({})
class TestModule {}

@Global()
@Module({})
class Ground {
  static of(config: HallmarkConfig, source: DataSource, feed: ChangeFeed): DynamicModule {
    const providers = [
      { provide: CONFIG, useValue: config },
      { provide: DataSource, useValue: source },
      { provide: ChangeFeed, useValue: feed },
    ];
    return { module: Ground, providers, exports: providers };
  }
}

const workerOf = (config: HallmarkConfig, handlers: readonly TaskHandler[]) => ({
  provide: TaskWorker,
  inject: [TaskQueue, TaskRunner],
  useFactory: (queue: TaskQueue, runner: TaskRunner) =>
    new TaskWorker(queue, runner, { connection: queueConnection(config), concurrency: config.workers }, handlers),
});
