import { type DynamicModule, Module } from '@nestjs/common';
import { StoreCheck } from '#content/maintenance/store-check.js';
import type { HallmarkConfig } from '#platform/config.js';
import { TaskMetrics } from '#tasks/task-metrics.js';
import { ground } from '../ground.js';
import { ApiModule } from './api.module.js';

/** A REST API that is a process of its own. */
@Module({})
export class ApiProcessModule {
  static of(config: HallmarkConfig): DynamicModule {
    return {
      module: ApiProcessModule,
      imports: [...ground(config, 'hallmark api', 'api'), ApiModule.register()],
      providers: [TaskMetrics, StoreCheck],
    };
  }
}
