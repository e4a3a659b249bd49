import type { INestApplication } from '@nestjs/common';
import type { Server } from 'node:http';
import { Config, type HallmarkConfig } from './config.js';
import { messageOf } from './domain-error.js';
import { Health } from './health.js';
import { configureLogging, log } from './logger.js';
import { startAdvice } from './start-advice.js';
import { unknownVariables } from './unknown-variables.js';

/** A process of the product: what it is called, where it listens when nobody says, and how it starts. */
export interface ProcessKind {
  readonly name: string;
  readonly port?: number;
  /** Starts everything and returns the way to stop it. */
  readonly start: (config: HallmarkConfig) => Promise<() => Promise<void>>;
}

/** Requests that still run after so long are cut off when the process stops. */
const PATIENCE = 30_000;

/** Reads the settings, starts, and stops on a signal; what prevents the start is told with what to do about it. */
export async function runProcess({ name, port, start }: ProcessKind): Promise<void> {
  let config: HallmarkConfig | undefined;
  try {
    config = Config.read(process.env, port === undefined ? {} : { port });
    configureLogging(config.logLevel, config.logFormat);
    for (const sentence of unknownVariables(process.env)) log('warn', sentence);
    stopOnSignals(await start(config));
  } catch (error) {
    const why = config ? startAdvice(error, config) : messageOf(error);
    process.stderr.write(`${name} could not start: ${why}\n`);
    process.exit(1);
  }
}

/** The settings of a process that shares its database with others. */
export function requireDatabase(config: HallmarkConfig, name: string): HallmarkConfig {
  if (config.databaseUrl) return config;
  throw new Error(
    `${name} needs DATABASE_URL, the PostgreSQL that API, registry and workers share. For one process with a database of its own run "npm start".`,
  );
}

/**
 * Takes no more connections, answers the requests that are here, lets running tasks end, then closes queue and database.
 * Requests and tasks have the same half minute.
 */
export async function closeGently(app: INestApplication, patience = PATIENCE): Promise<void> {
  app.get(Health, { strict: false }).stop();
  const server = app.getHttpServer() as Server;
  server.close();
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  const late = setTimeout(() => server.closeAllConnections(), patience);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
    clearTimeout(late);
  }
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
