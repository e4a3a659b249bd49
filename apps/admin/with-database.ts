import 'reflect-metadata';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import type { HallmarkConfig } from '#platform/config.js';
import { connectSource, createDataSource, rowsOf } from '#platform/database.js';
import { unavailable } from '#platform/domain-error.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#platform/embedded-postgres.js';
import { entities } from '../../migrations/entities.js';
import { prepareDatabase } from '../../migrations/prepare-database.js';
import type { Terminal } from './command.js';
import { readSettings } from './settings.js';

/** The server's data, with addresses filled in. */
export interface OpenData {
  readonly config: HallmarkConfig;
  readonly source: DataSource;
}

/**
 * Runs work on the database of the settings: an outside one, else the embedded one. That is taken over when it runs, else
 * started for the work; afterwards it is stopped unless a server needs it by then.
 */
export async function withDatabase<T>(terminal: Terminal, work: (data: OpenData) => Promise<T>): Promise<T> {
  return withDatabaseUrl(readSettings(terminal.environment), async (config) => {
    const options = { url: config.databaseUrl!, poolSize: 4, entities, applicationName: 'hallmark admin' };
    const source = await connectSource(createDataSource(options));
    try {
      if (!(await isPrepared(source))) await prepare(config, terminal);
      return await work({ config, source });
    } finally {
      await source.destroy();
    }
  });
}

/** Like {@link withDatabase}, but only the address: nothing is connected or prepared. */
export async function withDatabaseUrl<T>(
  config: HallmarkConfig,
  work: (config: HallmarkConfig) => Promise<T>,
): Promise<T> {
  if (config.databaseUrl) return work(config);
  const postgres = await startEmbeddedPostgres(join(config.dataDir, 'postgres'));
  const onSignal = () => void stopOnce(postgres).finally(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, onSignal);
  try {
    return await work(config.with({ databaseUrl: postgres.url, databaseDirectUrl: postgres.url }));
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    await stopOnce(postgres);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const stops = new WeakMap<EmbeddedPostgres, Promise<void>>();

function stopOnce(postgres: EmbeddedPostgres): Promise<void> {
  const stop = stops.get(postgres) ?? postgres.stop();
  stops.set(postgres, stop);
  return stop;
}

async function isPrepared(source: DataSource): Promise<boolean> {
  const [row] = await rowsOf<{ found: string | null }>(source, `select to_regclass('signing_service') as found`);
  return row?.found != null;
}

/** The embedded database is ours to fill; an outside one is changed only by `migrate`. */
async function prepare(config: HallmarkConfig, terminal: Terminal): Promise<void> {
  if (terminal.environment['DATABASE_URL'])
    throw unavailable(`The database is empty. Type 'hallmark migrate' first, or start the server.`);
  announceAdmin(terminal, (await prepareDatabase(config)).generatedPassword);
}

/** Shows the password that a first start made up, once. */
export function announceAdmin(terminal: Terminal, password: string | undefined): void {
  if (password === undefined) return;
  terminal.note(`The account admin was made. Its password, shown only now: ${password}`);
}
