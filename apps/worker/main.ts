import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { Config } from '#platform/config.js';
import { configureLogging, log, NestLogger } from '#platform/logger.js';
import { TaskQueue } from '#tasks/task-queue.js';
import { WorkerProcessModule } from './worker-process.module.js';

/** Port of a worker that is a process of its own. */
const PORT = 24_818;

const config = Config.read(process.env, { port: PORT });
configureLogging(config.logLevel, config.logFormat);
if (!config.databaseUrl) throw new Error('A worker of its own needs DATABASE_URL: the database that the API uses.');

const module = WorkerProcessModule.of(config, process.env['npm_package_version'] ?? '0.1.0');
const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
  logger: new NestLogger(),
});
app.enableShutdownHooks();
addHealth(app);
await app.listen(config.port, config.host);
log('info', 'worker started', { host: config.host, port: config.port, tasks: config.workers });

/** `/livez` answers while the process turns; `/readyz` only when it reaches database and queue. */
function addHealth(worker: NestFastifyApplication): void {
  const fastify = worker.getHttpAdapter().getInstance();
  fastify.get('/livez', () => ({ status: 'ok' }));
  fastify.get('/readyz', async (_request, reply) => {
    try {
      await worker.get(DataSource).query('select 1');
      await worker.get(TaskQueue).backlog();
      return { status: 'ok' };
    } catch (error) {
      log('warn', 'the worker is not ready', { error });
      return reply.status(503).header('Retry-After', '5').send({ status: 'unavailable' });
    }
  });
}
