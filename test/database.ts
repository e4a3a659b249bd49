import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { inject } from 'vitest';
import { createDataSource } from '#platform/database.js';
import { entities } from '../migrations/entities.js';

/** A database of its own for a test file. */
export interface TestDatabase {
  readonly url: string;
  readonly source: DataSource;
  drop(): Promise<void>;
}

/** Clones the migrated template; the copy is dropped with {@link TestDatabase.drop}. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = inject('databaseUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(template, `create database ${name} template hallmark`);
  const url = template.replace(/\/hallmark$/, `/${name}`);
  const source = await createDataSource({ url, entities }).initialize();
  return {
    url,
    source,
    async drop() {
      await source.destroy();
      await administer(template, `drop database if exists ${name} with (force)`);
    },
  };
}

async function administer(template: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: template.replace(/\/hallmark$/, '/postgres') });
  await client.connect();
  try {
    // Cloning needs the template to itself; parallel files take turns.
    await client.query('select pg_advisory_lock(7246)');
    await client.query(statement);
  } finally {
    await client.end();
  }
}
