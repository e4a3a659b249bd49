import { type DynamicModule, Module } from '@nestjs/common';
import { StoreCheck } from '#content/maintenance/store-check.js';
import type { HallmarkConfig } from '#platform/config.js';
import { TaskMetrics } from '#tasks/task-metrics.js';
import { ground } from '../ground.js';
import { RegistryMetrics } from './registry-metrics.js';
import { RegistryModule } from './registry.module.js';

/** A registry that is a process of its own. */
@Module({})
export class RegistryProcessModule {
  static of(config: HallmarkConfig): DynamicModule {
    return {
      module: RegistryProcessModule,
      imports: [...ground(config, 'hallmark registry', 'registry'), RegistryModule.register([])],
      providers: [TaskMetrics, StoreCheck, RegistryMetrics],
    };
  }
}
