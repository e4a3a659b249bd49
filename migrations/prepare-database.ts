import { prepareAccess } from '#access/first-start.js';
import type { HallmarkConfig } from '#platform/config.js';
import { connectSource, createDataSource } from '#platform/database.js';
import { refusePooler } from '#platform/detect-pooler.js';
import { entities } from './entities.js';
import { migrations } from './migrations.js';

/** What a first start made. */
export interface Prepared {
  /** The generated password of `admin`, when the account is new and none was set; shown once, stored nowhere. */
  readonly generatedPassword?: string;
}

/** Brings a database to this version: migrations under a lock, roles, the admin account. Safe to run from many processes. */
export async function prepareDatabase(config: HallmarkConfig): Promise<Prepared> {
  const url = config.databaseDirectUrl!;
  const options = { url, poolSize: 3, entities, migrations, applicationName: 'hallmark migrate' };
  const source = await connectSource(createDataSource(options));
  const lock = source.createQueryRunner();
  try {
    await refusePooler(url);
    // Held by this one connection, which is a direct one.
    await lock.query('select pg_advisory_lock(7246, 1)');
    await source.runMigrations();
    const generatedPassword = await prepareAccess(source, config);
    return generatedPassword === undefined ? {} : { generatedPassword };
  } finally {
    await lock.query('select pg_advisory_unlock(7246, 1)').catch(() => undefined);
    await lock.release();
    await source.destroy();
  }
}
