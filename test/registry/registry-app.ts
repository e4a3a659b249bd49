import 'reflect-metadata';
import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { AccessModule } from '#access/access.module.js';
import { ChangeFeed } from '#platform/change-feed.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { BLOB_STORE } from '#storage/blob-store.js';
import type { BlobStore } from '#storage/blob-store.js';
import { configureRegistry, registryServerOptions } from '../../apps/registry/configure-registry.js';
import { RegistryModule } from '../../apps/registry/registry.module.js';

/** What a registry stands on; whoever made it ends it after the app. */
export interface Ground {
  readonly config: HallmarkConfig;
  readonly source: DataSource;
  readonly feed: ChangeFeed;
  readonly store: BlobStore;
}

/** Where an app has a route that is not the registry's; it takes a POST. */
export const ELSEWHERE = '/elsewhere';

/** Starts a registry in this process on what a test made for it. Port 0 is any. */
export async function listen(
  { config, source, feed, store }: Ground,
  port = config.port,
): Promise<NestFastifyApplication> {
  const providers = [
    { provide: CONFIG, useValue: config },
    { provide: ChangeFeed, useValue: feed },
    { provide: DataSource, useValue: source },
    { provide: BLOB_STORE, useValue: store },
  ];
  @Global()
  @Module({ providers, exports: providers })
  class GroundModule {}
  @Module({ imports: [GroundModule, RegistryModule.register([AccessModule.register()])] })
  class Process {}
  const app = await NestFactory.create<NestFastifyApplication>(Process, new FastifyAdapter(registryServerOptions), {
    bodyParser: false,
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  configureRegistry(app);
  // A write beside the registry, as the REST API has them.
  app
    .getHttpAdapter()
    .getInstance()
    .post(ELSEWHERE, () => ({}));
  await app.listen(port, '127.0.0.1');
  return app;
}
