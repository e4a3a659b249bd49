import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { createDataSource } from '#platform/database.js';
import { startEmbeddedPostgres } from '#platform/embedded-postgres.js';
import { entities } from '../migrations/entities.js';
import { migrations } from '../migrations/migrations.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A PostgreSQL whose database `hallmark` is the migrated template. */
    databaseUrl: string;
  }
}

/** One PostgreSQL for the whole run, with a template database that each test file clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-pg-'));
  const postgres = await startEmbeddedPostgres(folder, {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '300',
  });
  const source = createDataSource({ url: postgres.url, entities, migrations });
  await source.initialize();
  await source.runMigrations();
  await source.destroy();
  project.provide('databaseUrl', postgres.url);
  return async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
