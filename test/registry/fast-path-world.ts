import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { expect, vi } from 'vitest';
import { prepareAccess } from '#access/first-start.js';
import { PasswordHasher } from '#access/password-hashing.js';
import { createUser } from '#access/users.js';
import { announce, type Change, ChangeFeed } from '#platform/change-feed.js';
import { Config, type HallmarkConfig } from '#platform/config.js';
import { createDataSource, poolOf } from '#platform/database.js';
import { BlobBytes } from '#content/bytes/blob-bytes.js';
import { FileStore } from '#storage/file-store.js';
import { FastPath } from '../../apps/registry/fast-path/fast-path.js';
import { entities } from '../../migrations/entities.js';
import { createTestDatabase } from '../database.js';
import { listen } from './registry-app.js';
import { basic, PASSWORD } from './registry-process.js';

/** A feed that can lose what is announced. */
export class LossyFeed extends ChangeFeed {
  deaf = false;

  override onChange(listener: (change: Change) => void): () => void {
    return super.onChange((change) => {
      if (!this.deaf || change.topic === 'barrier') listener(change);
    });
  }
}

/** One of several registries on one database and one folder. */
export interface Twin {
  readonly feed: LossyFeed;
  readonly fastPath: FastPath;
  /** Where it listens on loopback. */
  readonly port: number;
  /** Prepared statements that this registry has sent to the database so far. */
  statements(): number;
  /** A request with its path exactly as given. */
  send(
    method: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    body?: Buffer | string,
  ): Promise<Reply>;
}

/** An answer with everything that can be compared. */
export interface Reply {
  readonly status: number;
  /** Lower-case names, sorted, without the date. */
  readonly headers: readonly string[];
  readonly bytes: Buffer;
  header(name: string): string | undefined;
}

/** Registries that share a database. */
export interface World {
  readonly source: DataSource;
  readonly config: HallmarkConfig;
  readonly twins: readonly Twin[];
  /** Waits until every registry has heard what was announced so far. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one registry for each entry of settings, with the accounts admin, alice and bob. */
export async function startWorld(...settings: readonly Readonly<Record<string, string>>[]): Promise<World> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'hallmark-twins-'));
  const environment = {
    DATABASE_URL: database.url,
    HALLMARK_DATA_DIR: dataDir,
    HALLMARK_LOG_LEVEL: 'error',
    HALLMARK_ADMIN_PASSWORD: PASSWORD,
    HALLMARK_PUBLIC_URL: 'http://registry.test',
  };
  const config = Config.read(environment);
  await prepareAccess(database.source, config);
  for (const username of ['alice', 'bob']) {
    const passwordHash = await new PasswordHasher().hash(PASSWORD);
    await database.source.transaction((tx) => createUser(tx, { username, passwordHash }));
  }
  const started: Awaited<ReturnType<typeof startTwin>>[] = [];
  for (const own of settings) started.push(await startTwin(Config.read({ ...environment, ...own })));
  return {
    source: database.source,
    config,
    twins: started,
    async settle() {
      const key = Math.random().toString(36).slice(2);
      const heard = Promise.all(started.map(({ feed }) => hears(feed, key)));
      const again = setInterval(() => void announce(database.source.manager, 'barrier', key), 200);
      await announce(database.source.manager, 'barrier', key);
      await heard.finally(() => clearInterval(again));
    },
    async close() {
      for (const twin of started) await twin.close();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function hears(feed: ChangeFeed, key: string): Promise<void> {
  return new Promise((done) => {
    const stop = feed.onChange((change) => {
      if (change.topic !== 'barrier' || change.key !== key) return;
      stop();
      done();
    });
  });
}

async function startTwin(config: HallmarkConfig): Promise<Twin & { close(): Promise<void> }> {
  const source = await createDataSource({ url: config.databaseUrl!, entities, poolSize: 5 }).initialize();
  const feed = new LossyFeed(config.databaseUrl!);
  await feed.start();
  const app = await listen(
    { config, source, feed, store: new BlobBytes(new FileStore(config.dataDir, false), source) },
    0,
  );
  const { port } = app.getHttpServer().address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  const pool = poolOf(source);
  const query = vi.spyOn(pool, 'query');
  return {
    feed,
    fastPath: app.get(FastPath),
    port,
    statements: () => query.mock.calls.length,
    send: (method, path, headers, body) => send({ agent, port, method, path }, headers, body),
    async close() {
      agent.destroy();
      await app.close();
      await feed.stop();
      await source.destroy();
    },
  };
}

interface Line {
  readonly agent: Agent;
  readonly port: number;
  readonly method: string;
  readonly path: string;
}

function send(line: Line, headers: Readonly<Record<string, string>> = {}, body?: Buffer | string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ ...line, host: '127.0.0.1', headers: { host: 'registry.test', ...headers } });
    outgoing.once('error', reject);
    outgoing.once('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const headers = Object.entries(answer.headersDistinct)
          .filter(([name]) => name !== 'date')
          .map(([name, values]) => `${name}: ${values!.join(' | ')}`)
          .toSorted();
        const header = (name: string) => answer.headersDistinct[name]?.[0];
        resolve({ status: answer.statusCode!, headers, bytes: Buffer.concat(chunks), header });
      });
    });
    outgoing.end(body);
  });
}

/** Asks until the answer comes from memory. */
export async function warm(twin: Twin, path: string, headers = {}): Promise<void> {
  await expect
    .poll(async () => {
      const { hits } = twin.fastPath.counts;
      await twin.send('GET', path, headers);
      return twin.fastPath.counts.hits > hits;
    })
    .toBe(true);
}

/** The header of an account's Basic credentials. */
export const as = (username: string) => ({ authorization: basic(username) });

/** A header with a token for pulling, of an account or of nobody. */
export async function tokenOf(
  twin: Twin,
  username: string | undefined,
  name: string,
): Promise<{ authorization: string }> {
  const path = `/token/?service=registry.test&scope=repository:${name}:pull`;
  const { bytes } = await twin.send('GET', path, username === undefined ? {} : as(username));
  return { authorization: `Bearer ${(JSON.parse(bytes.toString()) as { token: string }).token}` };
}
