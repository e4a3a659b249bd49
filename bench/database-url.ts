import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Server } from './servers.js';

/** The database that a started Hallmark keeps under its data folder. */
export async function databaseUrl({ folder }: Server): Promise<string> {
  const saved = JSON.parse(await readFile(join(folder, 'data/postgres/server.json'), 'utf8')) as {
    port: number;
    password: string;
  };
  return `postgres://hallmark:${saved.password}@127.0.0.1:${saved.port}/hallmark`;
}
