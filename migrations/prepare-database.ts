import { ensureAdmin } from '#access/accounts.js';
import { seedRoles } from '#access/seed-roles.js';
import { createDataSource } from '#platform/database.js';
import type { HallmarkConfig } from '#platform/config.js';
import { entities } from './entities.js';
import { migrations } from './migrations.js';

/** What a first start made. */
export interface Prepared {
  /** The generated password of `admin`, when the account is new and none was set. */
  readonly generatedPassword?: string;
}

/** Brings a database to this version: migrations under a lock, roles, the admin account. Safe to run from many processes. */
export async function prepareDatabase(config: HallmarkConfig): Promise<Prepared> {
  const source = createDataSource({
    url: config.databaseDirectUrl!,
    poolSize: 2,
    entities,
    migrations,
    applicationName: 'hallmark migrate',
  });
  await source.initialize();
  try {
    const lock = source.createQueryRunner();
    await lock.query('select pg_advisory_lock(7246, 1)');
    try {
      if (migrations.length > 0) await source.runMigrations();
      else await source.synchronize();
      await seedRoles(source);
      const generatedPassword = await ensureAdmin(source, config.adminPassword);
      return generatedPassword === undefined ? {} : { generatedPassword };
    } finally {
      await lock.query('select pg_advisory_unlock(7246, 1)');
      await lock.release();
    }
  } finally {
    await source.destroy();
  }
}
