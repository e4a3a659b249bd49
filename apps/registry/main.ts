import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { log, NestLogger } from '#platform/logger.js';
import { closeGently, requireDatabase, runProcess } from '#platform/run-process.js';
import { behindProxies } from '../ground.js';
import { awaitDatabase } from '../../migrations/await-database.js';
import { configureRegistry, registryServerOptions } from './configure-registry.js';
import { RegistryProcessModule } from './registry-process.module.js';

await runProcess({
  name: 'The registry',
  port: 24_816,
  async start(settings) {
    const config = requireDatabase(settings, 'A registry of its own');
    await awaitDatabase(config);
    const adapter = new FastifyAdapter({ ...registryServerOptions, ...behindProxies(config) });
    const app = await NestFactory.create<NestFastifyApplication>(RegistryProcessModule.of(config), adapter, {
      bodyParser: false,
      logger: new NestLogger(),
      abortOnError: false,
    });
    configureRegistry(app);
    await app.listen(config.port, config.host);
    log('info', 'registry started', { host: config.host, port: config.port, url: config.publicUrl });
    return () => closeGently(app);
  },
});
