import { type DynamicModule, Module } from '@nestjs/common';
import { StoreCheck } from '#content/maintenance/store-check.js';
import type { HallmarkConfig } from '#platform/config.js';
import { TaskMetrics } from '#tasks/task-metrics.js';
import { ground } from '../ground.js';
import { WorkerModule } from './worker.module.js';

/** A worker that is a process of its own. */
@Module({})
export class WorkerProcessModule {
  static of(config: HallmarkConfig): DynamicModule {
    return {
      module: WorkerProcessModule,
      imports: [...ground(config, 'hallmark worker', 'worker'), WorkerModule],
      providers: [TaskMetrics, StoreCheck],
    };
  }
}
