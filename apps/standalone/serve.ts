import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { HallmarkConfig } from '#platform/config.js';
import { NestLogger } from '#platform/logger.js';
import { behindProxies } from '../ground.js';
import { streamBodies } from '../api/http-hooks.js';
import { configureRegistry, registryServerOptions } from '../registry/configure-registry.js';
import { StandaloneModule } from './standalone.module.js';

/** Starts everything on one origin and listens. */
export async function serve(config: HallmarkConfig): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({ ...registryServerOptions, ...behindProxies(config) });
  const app = await NestFactory.create<NestFastifyApplication>(StandaloneModule.of(config), adapter, {
    bodyParser: false,
    logger: new NestLogger(),
    abortOnError: false,
  });
  streamBodies(app.getHttpAdapter().getInstance());
  configureRegistry(app);
  try {
    await app.listen(config.port, config.host);
  } catch (error) {
    // What runs already must let go of the database before that stops.
    await app.close();
    throw error;
  }
  return app;
}
