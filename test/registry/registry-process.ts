import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { prepareAccess } from '#access/first-start.js';
import { PasswordHasher } from '#access/password-hashing.js';
import { createUser } from '#access/users.js';
import { ChangeFeed } from '#platform/change-feed.js';
import { Config, type HallmarkConfig } from '#platform/config.js';
import { createDataSource } from '#platform/database.js';
import type { BlobStore } from '#storage/blob-store.js';
import { BlobBytes } from '#content/bytes/blob-bytes.js';
import { FileStore } from '#storage/file-store.js';
import { entities } from '../../migrations/entities.js';
import { createTestDatabase } from '../database.js';
import { freePort } from '../free-port.js';
import { listen } from './registry-app.js';

/** The password of every account in these tests. */
export const PASSWORD = 'correct horse battery staple';

/** A registry on a database and a folder of its own. */
export interface RegistryProcess {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly config: HallmarkConfig;
  /** A request as admin, or as somebody else; null for nobody. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  close(): Promise<void>;
}

/** What a request carries besides its path. */
export interface RequestOptions {
  readonly as?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | ReadableStream | undefined;
}

/** An answer, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** Code of the first OCI error. */
  readonly code: string | undefined;
  json<T>(): T;
}

/** Starts a registry on a free port with the accounts admin (superuser), alice and bob. */
export async function startRegistry(settings: Readonly<Record<string, string>> = {}): Promise<RegistryProcess> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'hallmark-registry-'));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = Config.read({
    DATABASE_URL: database.url,
    HALLMARK_DATA_DIR: dataDir,
    HALLMARK_LOG_LEVEL: 'error',
    HALLMARK_ADMIN_PASSWORD: PASSWORD,
    HALLMARK_PORT: String(port),
    ...settings,
  });
  await prepareAccess(database.source, config);
  for (const name of ['alice', 'bob']) await addUser(database.source, name);
  const feed = new ChangeFeed(database.url);
  await feed.start();
  const store = new BlobBytes(new FileStore(dataDir, false), database.source);
  const app = await listen({ config, source: database.source, feed, store });
  return {
    url: `http://${host}`,
    host,
    port,
    source: database.source,
    store,
    config,
    request: (method, path, options) => send(`http://${host}${path}`, method, options),
    async close() {
      await app.close();
      await feed.stop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Another process on the same database and folder, with a blob store and a change feed of its own. */
export async function startBeside(first: RegistryProcess): Promise<RegistryProcess> {
  const port = await freePort();
  const config = first.config.with({ port });
  const source = await createDataSource({ url: config.databaseUrl!, entities }).initialize();
  const feed = new ChangeFeed(config.databaseUrl!);
  await feed.start();
  const store = new BlobBytes(new FileStore(config.dataDir, false), source);
  const app = await listen({ config, source, feed, store });
  const host = `127.0.0.1:${port}`;
  return {
    url: `http://${host}`,
    host,
    port,
    source,
    store,
    config,
    request: (method, path, options) => send(`http://${host}${path}`, method, options),
    async close() {
      await app.close();
      await feed.stop();
      await source.destroy();
    },
  };
}

async function addUser(source: DataSource, username: string): Promise<void> {
  const passwordHash = await new PasswordHasher().hash(PASSWORD);
  await source.transaction((tx) => createUser(tx, { username, passwordHash }));
}

/** The header with which an account signs in. */
export function basic(username: string): string {
  return `Basic ${Buffer.from(`${username}:${PASSWORD}`).toString('base64')}`;
}

async function send(url: string, method: string, options: RequestOptions = {}): Promise<Answer> {
  const { as = 'admin', headers = {}, body } = options;
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...(as === null ? {} : { authorization: basic(as) }), ...headers },
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  } as RequestInit & { duplex?: string });
  const bytes = Buffer.from(await response.arrayBuffer());
  const json = <T>() => JSON.parse(bytes.toString('utf8')) as T;
  const isError = response.status >= 400 && bytes.length > 0;
  const code = isError ? json<{ errors?: { code: string }[] }>().errors?.[0]?.code : undefined;
  return { status: response.status, headers: response.headers, bytes, code, json };
}

/** The digest of bytes. */
export function sha(bytes: Uint8Array | string, algorithm: 'sha256' | 'sha512' = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Bytes that nobody pushed before. */
export const someBytes = (length = 64): Buffer => randomBytes(length);
