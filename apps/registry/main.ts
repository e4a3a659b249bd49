import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { AccessModule } from '#access/access.module.js';
import { prepareAccess } from '#access/first-start.js';
import { Config } from '#platform/config.js';
import { configureLogging, log, NestLogger } from '#platform/logger.js';
import { PlatformModule } from '#platform/platform.module.js';
import { StorageModule } from '#storage/storage.module.js';
import { entities } from '../../migrations/entities.js';
import { configureRegistry, registryServerOptions } from './configure-registry.js';
import { RegistryModule } from './registry.module.js';

/** Port of a registry that is a process of its own. */
const PORT = 24_816;

const config = Config.read(process.env, { port: PORT });
configureLogging(config.logLevel, config.logFormat);
if (!config.databaseUrl) throw new Error('A registry of its own needs DATABASE_URL: the database that the API uses.');

@Module({
  imports: [
    PlatformModule.of(config, entities, 'hallmark registry'),
    RegistryModule.register([AccessModule.register(), StorageModule]),
  ],
})
class RegistryProcessModule {}

const adapter = new FastifyAdapter(registryServerOptions);
const app = await NestFactory.create<NestFastifyApplication>(RegistryProcessModule, adapter, {
  bodyParser: false,
  logger: new NestLogger(),
});
configureRegistry(app);
app.enableShutdownHooks();
const password = await prepareAccess(app.get(DataSource), config);
await app.listen(config.port, config.host);
log('info', 'registry started', { url: config.publicUrl });
if (password !== undefined) process.stdout.write(`Password of admin: ${password}\n`);
