import 'reflect-metadata';
import { join } from 'node:path';
import type { HallmarkConfig } from '#platform/config.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#platform/embedded-postgres.js';
import { closeGently, runProcess } from '#platform/run-process.js';
import { prepareDatabase } from '../../migrations/prepare-database.js';
import { banner, passwordLine } from './banner.js';
import { serve } from './serve.js';

const started = performance.now();

await runProcess({
  name: 'Hallmark',
  async start(settings) {
    const postgres = settings.databaseUrl ? undefined : await startDatabase(settings);
    try {
      return await startOn(postgres, settings);
    } catch (error) {
      await postgres?.stop();
      throw error;
    }
  },
});

/** Commits of a server that need not flush return at once, as its blobs do. */
function startDatabase({ dataDir, fsync }: HallmarkConfig): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres(join(dataDir, 'postgres'), fsync ? {} : { synchronous_commit: 'off' });
}

async function startOn(postgres: EmbeddedPostgres | undefined, settings: HallmarkConfig): Promise<() => Promise<void>> {
  const config = postgres ? settings.with({ databaseUrl: postgres.url, databaseDirectUrl: postgres.url }) : settings;
  const { generatedPassword } = await prepareDatabase(config);
  // The account is there and its password is kept nowhere: it is shown before anything else can end the start.
  if (generatedPassword) process.stdout.write(passwordLine(generatedPassword));
  const app = await serve(config);
  process.stdout.write(banner(config, (performance.now() - started) / 1000));
  return async () => {
    await closeGently(app);
    await postgres?.stop();
  };
}
