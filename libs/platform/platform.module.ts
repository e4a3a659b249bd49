import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type MixedList } from 'typeorm';
import { ChangeFeed } from './change-feed.js';
import { CONFIG, type HallmarkConfig } from './config.js';
import { breakConnections, createDataSource } from './database.js';

/** Settings, database and change feed of one process: what every other module stands on. */
@Module({})
export class PlatformModule implements OnApplicationShutdown {
  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(ChangeFeed) private readonly feed: ChangeFeed,
  ) {
    feed.onSilence(() => breakConnections(source));
  }

  /** `entities` are the tables of the product, `name` is shown among the database's connections. */
  static of(config: HallmarkConfig, entities: MixedList<Function>, name: string): DynamicModule {
    return {
      module: PlatformModule,
      global: true,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: DataSource, useFactory: () => openDatabase(config, entities, name) },
        { provide: ChangeFeed, useFactory: () => openFeed(config) },
      ],
      exports: [CONFIG, DataSource, ChangeFeed],
    };
  }

  /** Last of all hooks: everything else has let go of the database by now. */
  async onApplicationShutdown(): Promise<void> {
    await this.feed.stop();
    await this.source.destroy();
  }
}

function openDatabase(config: HallmarkConfig, entities: MixedList<Function>, name: string): Promise<DataSource> {
  const options = { url: config.databaseUrl!, poolSize: config.databasePoolSize, entities, applicationName: name };
  return createDataSource(options).initialize();
}

async function openFeed(config: HallmarkConfig): Promise<ChangeFeed> {
  const feed = new ChangeFeed(config.databaseDirectUrl!);
  await feed.start();
  return feed;
}
