import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { log, NestLogger } from '#platform/logger.js';
import { closeGently, requireDatabase, runProcess } from '#platform/run-process.js';
import { behindProxies } from '../ground.js';
import { cutStalledReaders } from '../stalled-readers.js';
import { prepareDatabase } from '../../migrations/prepare-database.js';
import { ApiProcessModule } from './api-process.module.js';
import { API_ROUTER, drainLeftovers, streamBodies } from './http-hooks.js';

await runProcess({
  name: 'The API',
  async start(settings) {
    const config = requireDatabase(settings, 'An API of its own');
    const { generatedPassword } = await prepareDatabase(config);
    // The account is there and its password is kept nowhere: it is shown before anything else can end the start.
    if (generatedPassword) process.stdout.write(`admin's password (shown this once): ${generatedPassword}\n`);
    const adapter = new FastifyAdapter({
      routerOptions: API_ROUTER,
      requestTimeout: 0,
      keepAliveTimeout: 75_000,
      return503OnClosing: false,
      ...behindProxies(config),
    });
    const app = await NestFactory.create<NestFastifyApplication>(ApiProcessModule.of(config), adapter, {
      bodyParser: false,
      logger: new NestLogger(),
      abortOnError: false,
    });
    const fastify = app.getHttpAdapter().getInstance();
    streamBodies(fastify);
    drainLeftovers(fastify);
    cutStalledReaders(fastify.server, config.idleTimeout * 1000);
    await app.listen(config.port, config.host);
    log('info', 'API started', { host: config.host, port: config.port, url: config.publicUrl });
    return () => closeGently(app);
  },
});
