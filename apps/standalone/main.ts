import 'reflect-metadata';
import { join } from 'node:path';
import { Config, type HallmarkConfig } from '#platform/config.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#platform/embedded-postgres.js';
import { messageOf } from '#platform/domain-error.js';
import { configureLogging, log } from '#platform/logger.js';
import { prepareDatabase } from '../../migrations/prepare-database.js';
import { banner } from './banner.js';
import { serve } from './serve.js';

const started = performance.now();
let postgres: EmbeddedPostgres | undefined;

try {
  const settings = Config.read();
  configureLogging(settings.logLevel, settings.logFormat);
  const config = await withDatabase(settings);
  const { generatedPassword } = await prepareDatabase(config);
  const app = await serve(config);
  process.stdout.write(`${banner(config, generatedPassword, (performance.now() - started) / 1000)}\n`);
  stopOnSignals(async () => {
    await app.close();
    await postgres?.stop();
  });
} catch (error) {
  process.stderr.write(`Hallmark could not start: ${messageOf(error)}\n`);
  await postgres?.stop().catch(() => undefined);
  process.exit(1);
}

async function withDatabase(config: HallmarkConfig): Promise<HallmarkConfig> {
  if (config.databaseUrl) return config;
  postgres = await startEmbeddedPostgres(join(config.dataDir, 'postgres'));
  return config.with({ databaseUrl: postgres.url, databaseDirectUrl: postgres.url });
}

/** Stops once, whichever of the signals or the end of the starting process comes first; a second signal ends at once. */
function stopOnSignals(stop: () => Promise<void>): void {
  let stopping = false;
  const onStop = (reason: string) => {
    if (stopping) {
      if (reason !== 'disconnect') process.exit(1);
      return;
    }
    stopping = true;
    log('info', 'stopping', { reason });
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log('error', 'the stop was not clean', { error });
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => onStop(signal));
  if (process.connected) process.on('disconnect', () => onStop('disconnect'));
}
