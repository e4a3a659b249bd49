import { type DynamicModule, Module } from '@nestjs/common';
import { StoreCheck } from '#content/maintenance/store-check.js';
import type { HallmarkConfig } from '#platform/config.js';
import { TaskMetrics } from '#tasks/task-metrics.js';
import { ApiModule } from '../api/api.module.js';
import { ground } from '../ground.js';
import { RegistryMetrics } from '../registry/registry-metrics.js';
import { RegistryModule } from '../registry/registry.module.js';
import { WorkerModule } from '../worker/worker.module.js';

/** API, registry and worker in one process on one origin. */
@Module({})
export class StandaloneModule {
  static of(config: HallmarkConfig): DynamicModule {
    return {
      module: StandaloneModule,
      imports: [
        ...ground(config, 'hallmark', 'standalone'),
        RegistryModule.register([]),
        ApiModule.register(),
        WorkerModule,
      ],
      providers: [TaskMetrics, StoreCheck, RegistryMetrics],
    };
  }
}
