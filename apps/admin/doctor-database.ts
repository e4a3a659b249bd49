import 'reflect-metadata';
import type { DataSource } from 'typeorm';
import { createDataSource, rowsOf } from '#platform/database.js';
import type { HallmarkConfig } from '#platform/config.js';
import { isPooled } from '#platform/detect-pooler.js';
import { messageOf } from '#platform/domain-error.js';
import { openQueue, queueConnection } from '#platform/queue.js';
import { TASK_QUEUE } from '#tasks/task-queue.js';
import { entities } from '../../migrations/entities.js';
import { migrations } from '../../migrations/migrations.js';
import type { Finding } from './doctor.js';

/** Database, migrations, pooler, queue and workers. Throws when the database cannot be reached at all. */
export async function checkDatabase(config: HallmarkConfig): Promise<Finding[]> {
  const url = config.databaseDirectUrl!;
  const options = { url, poolSize: 2, entities, migrations, applicationName: 'hallmark doctor' };
  const source = await createDataSource(options).initialize();
  try {
    const version = await checkVersion(source);
    const schema = await checkMigrations(source);
    return [
      version,
      schema,
      await checkPooler(url),
      await checkQueue(config),
      ...(schema.state === 'failure' ? [] : [await checkWorkers(source)]),
    ];
  } finally {
    await source.destroy();
  }
}

async function checkVersion(source: DataSource): Promise<Finding> {
  const [row] = await rowsOf<{ number: number; text: string }>(
    source,
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as text`,
  );
  const detail = `PostgreSQL ${row!.text}`;
  if (row!.number >= 140_000) return { name: 'database', state: 'ok', detail };
  return {
    name: 'database',
    state: 'failure',
    detail,
    fix: 'Hallmark needs PostgreSQL 14 or later; update the server.',
  };
}

async function checkMigrations(source: DataSource): Promise<Finding> {
  const [row] = await rowsOf<{ found: string | null }>(source, `select to_regclass('repository_version') as found`);
  const fix = `Type 'hallmark migrate'; every start of the server does the same.`;
  if (row?.found == null) return { name: 'migrations', state: 'failure', detail: 'the database is empty', fix };
  const pending = migrations.length > 0 && (await source.showMigrations());
  if (pending) return { name: 'migrations', state: 'failure', detail: 'the tables are of an older version', fix };
  return { name: 'migrations', state: 'ok', detail: 'the tables are of this version' };
}

async function checkPooler(url: string): Promise<Finding> {
  if (!(await isPooled(url))) return { name: 'pooler', state: 'ok', detail: 'the direct connection is direct' };
  return {
    name: 'pooler',
    state: 'failure',
    detail: 'a pooler stands before the direct connection: the queue, LISTEN and locks would fail',
    fix: 'Set DATABASE_DIRECT_URL to the address of PostgreSQL itself.',
  };
}

async function checkQueue(config: HallmarkConfig): Promise<Finding> {
  const where = config.redisUrl ? 'Redis' : 'PostgreSQL';
  const fix = config.redisUrl ? 'Check REDIS_URL, and that Redis 6.2 or later runs.' : 'Check DATABASE_DIRECT_URL.';
  try {
    const waiting = await within(5000, backlogOf(config));
    return { name: 'queue', state: 'ok', detail: `on ${where}, ${waiting} waiting` };
  } catch (error) {
    return { name: 'queue', state: 'failure', detail: `on ${where}: ${messageOf(error)}`, fix };
  }
}

async function backlogOf(config: HallmarkConfig): Promise<number> {
  const queue = await openQueue(TASK_QUEUE, queueConnection(config));
  try {
    return await queue.backlog();
  } finally {
    await queue.close();
  }
}

async function checkWorkers(source: DataSource): Promise<Finding> {
  const [row] = await rowsOf<{ count: number }>(
    source,
    `select count(*)::int as count from app_status where app_type in ('worker', 'standalone') and last_heartbeat > now() - interval '30 seconds'`,
  );
  if (row!.count > 0) return { name: 'workers', state: 'ok', detail: `${row!.count} at work` };
  return {
    name: 'workers',
    state: 'warning',
    detail: 'none at work: tasks wait until one is',
    fix: 'Start the server (npm start) or a worker.',
  };
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_done, fail) => {
    timer = setTimeout(() => fail(new Error(`no answer within ${milliseconds / 1000} seconds`)), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
