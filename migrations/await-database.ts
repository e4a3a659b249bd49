import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { HallmarkConfig } from '#platform/config.js';
import { createDataSource, rowsOf } from '#platform/database.js';
import { refusePooler } from '#platform/detect-pooler.js';
import { messageOf } from '#platform/domain-error.js';
import { log } from '#platform/logger.js';
import { entities } from './entities.js';
import { migrations } from './migrations.js';

const PATIENCE = 120_000;

/**
 * Waits until the database answers and somebody else has brought it to this version: processes that do not migrate may be
 * started in any order. Gives up after two minutes with what is missing.
 */
export async function awaitDatabase(config: HallmarkConfig, patience = PATIENCE): Promise<void> {
  for (const deadline = Date.now() + patience; ;) {
    const missing = await whatIsMissing(config.databaseUrl!);
    if (missing === undefined) return refusePooler(config.databaseDirectUrl!);
    if (Date.now() > deadline) throw new Error(missing);
    log('info', 'waiting for the database', { missing });
    await sleep(1_000);
  }
}

async function whatIsMissing(url: string): Promise<string | undefined> {
  const source = createDataSource({ url, poolSize: 2, entities, migrations, applicationName: 'hallmark start' });
  try {
    await source.initialize();
    return (await isMigrated(source))
      ? undefined
      : 'the database is not of this version; start the API or run "hallmark migrate"';
  } catch (error) {
    return `the database does not answer: ${messageOf(error)}`;
  } finally {
    if (source.isInitialized) await source.destroy();
  }
}

/** True when every table is there and, once there are migrations, the newest of them has run. */
async function isMigrated(source: DataSource): Promise<boolean> {
  const tables = [
    ...source.entityMetadatas.map(({ tableName }) => tableName),
    ...(migrations.length ? ['migrations'] : []),
  ];
  const [row] = await rowsOf<{ missing: number }>(
    source,
    'select count(*)::int as missing from unnest($1::text[]) as t(name) where to_regclass(quote_ident(t.name)) is null',
    [tables],
  );
  if (row!.missing > 0) return false;
  const newest = migrations.at(-1)?.name;
  if (newest === undefined) return true;
  return (await rowsOf(source, 'select 1 from migrations where name = $1', [newest])).length > 0;
}
