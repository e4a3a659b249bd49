import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { log, NestLogger } from '#platform/logger.js';
import { closeGently, requireDatabase, runProcess } from '#platform/run-process.js';
import { awaitDatabase } from '../../migrations/await-database.js';
import { WorkerProcessModule } from './worker-process.module.js';

await runProcess({
  name: 'The worker',
  port: 24_818,
  async start(settings) {
    const config = requireDatabase(settings, 'A worker of its own');
    await awaitDatabase(config);
    const adapter = new FastifyAdapter({ return503OnClosing: false });
    const app = await NestFactory.create<NestFastifyApplication>(WorkerProcessModule.of(config), adapter, {
      logger: new NestLogger(),
      abortOnError: false,
    });
    await app.listen(config.port, config.host);
    log('info', 'worker started', { host: config.host, port: config.port, tasks: config.workers });
    return () => closeGently(app);
  },
});
