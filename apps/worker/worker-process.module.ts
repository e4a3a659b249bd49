import { Global, Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ChangeFeed } from '#platform/change-feed.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { createDataSource } from '#platform/database.js';
import { TasksModule } from '#tasks/tasks.module.js';
import { entities } from '../../migrations/entities.js';
import { WorkerModule } from './worker.module.js';

/** A worker that is a process of its own: settings, database, change feed and tasks around {@link WorkerModule}. */
@Module({})
export class WorkerProcessModule {
  static of(config: HallmarkConfig, version: string): DynamicModule {
    return {
      module: WorkerProcessModule,
      imports: [
        WorkerGround.of(config),
        TypeOrmModule.forRootAsync({
          useFactory: () => ({}),
          dataSourceFactory: () => openDatabase(config),
        }),
        TasksModule.register({ process: { appType: 'worker', versions: { core: version, container: version } } }),
        WorkerModule,
      ],
    };
  }
}

@Global()
@Module({})
class WorkerGround implements OnApplicationShutdown {
  constructor(@Inject(ChangeFeed) private readonly feed: ChangeFeed) {}

  static of(config: HallmarkConfig): DynamicModule {
    return {
      module: WorkerGround,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: ChangeFeed, useFactory: () => openFeed(config) },
      ],
      exports: [CONFIG, ChangeFeed],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.feed.stop();
  }
}

async function openFeed(config: HallmarkConfig): Promise<ChangeFeed> {
  const feed = new ChangeFeed(config.databaseDirectUrl!);
  await feed.start();
  return feed;
}

function openDatabase(config: HallmarkConfig) {
  const options = { url: config.databaseUrl!, poolSize: config.databasePoolSize, entities };
  return createDataSource({ ...options, applicationName: 'hallmark worker' }).initialize();
}
