import { type DynamicModule, Module } from '@nestjs/common';
import { AccessModule } from '#access/access.module.js';
import type { HallmarkConfig } from '#platform/config.js';
import { PlatformModule } from '#platform/platform.module.js';
import { PRODUCT_VERSION } from '#platform/product-version.js';
import { StorageModule } from '#storage/storage.module.js';
import { TasksModule } from '#tasks/tasks.module.js';
import { entities } from '../../migrations/entities.js';
import { ApiModule } from '../api/api.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { WorkerModule } from '../worker/worker.module.js';

/** API, registry and worker in one process on one origin. */
@Module({})
export class StandaloneModule {
  static of(config: HallmarkConfig): DynamicModule {
    const versions = { core: PRODUCT_VERSION, container: PRODUCT_VERSION };
    return {
      module: StandaloneModule,
      imports: [
        PlatformModule.of(config, entities, 'hallmark'),
        { module: StorageModule, global: true },
        { ...AccessModule.register(), global: true },
        TasksModule.register({ process: { appType: 'api', versions } }),
        RegistryModule.register([]),
        ApiModule.register(),
        WorkerModule,
      ],
    };
  }
}
