import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { HallmarkConfig } from '#platform/config.js';
import { NestLogger } from '#platform/logger.js';
import { API_ROUTER, streamBodies } from '../api/http-hooks.js';
import { StandaloneModule } from './standalone.module.js';

/** Starts everything on one origin and listens. */
export async function serve(config: HallmarkConfig): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({ routerOptions: API_ROUTER, requestTimeout: 0, keepAliveTimeout: 75_000 });
  const app = await NestFactory.create<NestFastifyApplication>(StandaloneModule.of(config), adapter, {
    bodyParser: false,
    logger: new NestLogger(),
    abortOnError: false,
  });
  streamBodies(app.getHttpAdapter().getInstance());
  await app.listen(config.port, config.host);
  return app;
}
