import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { type Json, must, PASSWORD } from '../main-path/standalone-process.js';
import { startRedis } from '../tasks/redis-server.js';
import { type AppProcess, programOf, startApp } from './app-process.js';
import { startNginx } from './nginx.js';
import { findClient } from '../../scripts/clients.mjs';
import { freePorts } from '../free-port.js';

/** API, registry and two workers as processes of their own, on a database and a Redis outside, behind nginx. */
export interface Layout {
  /** What clients talk to. */
  readonly url: string;
  readonly host: string;
  readonly api: AppProcess;
  readonly registry: AppProcess;
  readonly workers: readonly AppProcess[];
  readonly settings: Readonly<Record<string, string>>;
  /** A query on the shared database. */
  rows<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  /** A request of admin's through the proxy; JSON in and out. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }>;
  /** The task once it has ended. */
  ended(href: string, milliseconds?: number): Promise<Json>;
  /** The operator's command. */
  hallmark(words: readonly string[], env?: Record<string, string>): Promise<string>;
  log(): Promise<string>;
  close(): Promise<void>;
}

/** Starts everything at once, as a machine that boots does; the processes find each other. */
export async function startLayout(more: Readonly<Record<string, string>> = {}): Promise<Layout> {
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-layout-'));
  await chmod(folder, 0o755); // nginx reads the blobs as another user
  const database = await createDatabase();
  const redis = await startRedis();
  if (!redis) throw new Error('redis-server is not installed: scripts/install-clients.sh core');
  const [proxyPort, apiPort, registryPort, ...workerPorts] = (await freePorts(5)) as [number, number, number, number];
  const host = `127.0.0.1:${proxyPort}`;
  const settings = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    HALLMARK_DATA_DIR: join(folder, 'data'),
    HALLMARK_PUBLIC_URL: `http://${host}`,
    HALLMARK_OFFLOAD: 'true',
    HALLMARK_TRUSTED_PROXIES: 'loopback',
    ...more,
  };
  const apps = {
    workers: workerPorts.map((port) => startApp('worker', port, settings)),
    registry: startApp('registry', registryPort, settings),
    api: startApp('api', apiPort, { ...settings, HALLMARK_ADMIN_PASSWORD: PASSWORD }),
  };
  const all = [apps.api, apps.registry, ...apps.workers];
  const close = async () => {
    await Promise.all(all.map((app) => app.end('SIGKILL')));
    await redis.stop();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(all.map((app) => app.ready()));
    const proxy = await startNginx(findClient('nginx')!, folder, {
      listen: host,
      api: `127.0.0.1:${apiPort}`,
      registry: `127.0.0.1:${registryPort}`,
      blobs: `${settings.HALLMARK_DATA_DIR}/blobs/`,
    });
    const call = (method: string, path: string, body?: unknown) => request(`http://${host}`, method, path, body);
    return {
      url: `http://${host}`,
      host,
      ...apps,
      settings,
      rows: database.rows,
      call,
      ended: (href, milliseconds = 60_000) => taskEnded(call, href, milliseconds),
      hallmark: (words, env = {}) =>
        must(process.execPath, [...programOf('admin'), ...words], {
          PATH: process.env['PATH'] ?? '',
          ...settings,
          ...env,
        }),
      log: () => proxy.log(),
      async close() {
        await proxy.stop();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function taskEnded(call: Layout['call'], href: string, milliseconds: number): Promise<Json> {
  for (const deadline = Date.now() + milliseconds; ; await sleep(50)) {
    const { body } = await call('GET', href);
    if (['completed', 'failed', 'canceled'].includes(body['state'] as string)) return body;
    if (Date.now() > deadline) throw new Error(`the task is still ${body['state'] as string}`);
  }
}

async function request(url: string, method: string, path: string, body?: unknown) {
  const answer = await fetch(new URL(path, `${url}/pulp/api/v3/`), {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text === '' ? null : JSON.parse(text)) as Json };
}

/** An empty database: the API makes the tables. */
async function createDatabase() {
  const template = inject('databaseUrl');
  const name = `layout_${randomBytes(6).toString('hex')}`;
  const administer = async (statement: string) => {
    const client = new pg.Client({ connectionString: template.replace(/\/hallmark$/, '/postgres') });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await administer(`create database ${name}`);
  const url = template.replace(/\/hallmark$/, `/${name}`);
  const pool = new pg.Pool({ connectionString: url, max: 3 });
  pool.on('error', () => undefined);
  return {
    url,
    rows: async <Row extends object>(text: string, values: unknown[] = []) =>
      (await pool.query<Row>(text, values)).rows,
    async drop() {
      await pool.end();
      await administer(`drop database if exists ${name} with (force)`);
    },
  };
}
