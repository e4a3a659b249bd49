import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { Config } from '#platform/config.js';
import { ApiProcessModule } from '../../apps/api/api-process.module.js';
import { API_ROUTER } from '../../apps/api/http-hooks.js';
import { createTestDatabase } from '../database.js';

it('the REST API starts as a process of its own', async () => {
  const database = await createTestDatabase();
  const config = Config.read({
    DATABASE_URL: database.url,
    HALLMARK_DATA_DIR: `${tmpdir()}/hallmark-api-process`,
    HALLMARK_LOG_LEVEL: 'error',
  });
  const adapter = new FastifyAdapter({ routerOptions: API_ROUTER });
  const app = await NestFactory.create<NestFastifyApplication>(ApiProcessModule.of(config), adapter, {
    bodyParser: false,
    logger: ['error'],
    abortOnError: false,
  });
  await app.init();
  const { statusCode, headers } = await app.inject({ method: 'GET', url: '/pulp/api/v3/livez/' });
  expect(statusCode).toBe(200);
  expect(headers['correlation-id']).toMatch(/^[0-9a-f]{32}$/);
  const other = await app.inject({ method: 'GET', url: '/v2/nothing/' });
  expect(other.headers).not.toHaveProperty('correlation-id');
  await app.close();
  await database.drop();
});
