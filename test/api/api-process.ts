import 'reflect-metadata';
import { Global, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { AccessModule } from '#access/access.module.js';
import { PasswordHasher } from '#access/password-hashing.js';
import { seedRoles } from '#access/roles.js';
import { createUser } from '#access/users.js';
import { BytesModule } from '#content/bytes/bytes.module.js';
import { ChangeFeed } from '#platform/change-feed.js';
import { CONFIG, Config, type HallmarkConfig } from '#platform/config.js';
import type { TaskHandler } from '#tasks/define-task.js';
import { TasksModule, taskWorkerProviders } from '#tasks/tasks.module.js';
import { ApiModule } from '../../apps/api/api.module.js';
import { API_TASK_HANDLERS } from '../../apps/api/task-handlers.js';
import { API_ROUTER, drainLeftovers, streamBodies } from '../../apps/api/http-hooks.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { freePort } from '../free-port.js';

/** An answer of the REST API, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

/** JSON as it came: tests say what they expect of it. */
export type Json = ReturnType<typeof JSON.parse>;

/** A REST API with a worker, on a database of its own. */
export interface ApiProcess {
  readonly url: string;
  readonly database: TestDatabase;
  readonly source: DataSource;
  /** Folder of the blob store. */
  readonly dataDir: string;
  /** A request as admin, or as somebody else; null for nobody. */
  request(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  get(path: string, options?: RequestOptions): Promise<Answer>;
  /** The task of a 202, once it has ended. */
  finished(answer: Answer): Promise<Json>;
  /** Something that the process is made of. */
  part<T>(type: Type<T>): T;
  close(): Promise<void>;
}

/** Who asks, and with what headers. */
export interface RequestOptions {
  readonly as?: string | null;
  readonly headers?: Record<string, string>;
}

/** The password of every account in these tests. */
export const PASSWORD = 'correct horse battery staple';

/** Where resources begin. */
export const ROOT = '/pulp/api/v3';

/** Starts the REST API on a free port with the account admin, and a worker with these handlers. */
export async function startApi(
  environment: Record<string, string> = {},
  handlers: readonly Type<TaskHandler>[] = API_TASK_HANDLERS,
): Promise<ApiProcess> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'hallmark-api-'));
  const config = Config.read({
    DATABASE_URL: database.url,
    HALLMARK_DATA_DIR: dataDir,
    HALLMARK_LOG_LEVEL: 'error',
    ...environment,
  });
  const feed = new ChangeFeed(database.url);
  await feed.start();
  await database.source.transaction(seedRoles);
  await addUser(database.source, 'admin', true);
  const port = await freePort();
  const ground = {
    config: config.with({ publicUrl: `http://127.0.0.1:${port}`, port }),
    source: database.source,
    feed,
  };
  const app = await listen(ground, handlers);
  const url = `http://127.0.0.1:${port}`;
  const client = clientOf(url);
  return {
    url,
    database,
    source: database.source,
    dataDir,
    ...client,
    part: (type) => app.get(type, { strict: false }),
    async close() {
      await app.close();
      await feed.stop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function listen(
  { config, source, feed }: { config: HallmarkConfig; source: DataSource; feed: ChangeFeed },
  handlers: readonly Type<TaskHandler>[],
): Promise<NestFastifyApplication> {
  @Global()
  @Module({
    providers: [
      { provide: CONFIG, useValue: config },
      { provide: ChangeFeed, useValue: feed },
      { provide: DataSource, useValue: source },
    ],
    exports: [CONFIG, ChangeFeed, DataSource],
  })
  class Ground {}
  @Module({
    imports: [
      Ground,
      { module: BytesModule, global: true },
      TasksModule.register({ process: { appType: 'api', versions: {} } }),
      ApiModule.register({ imports: [AccessModule.register()] }),
    ],
    providers: taskWorkerProviders(handlers),
  })
  class Process {}
  const adapter = new FastifyAdapter({ routerOptions: API_ROUTER });
  const app = await NestFactory.create<NestFastifyApplication>(Process, adapter, {
    bodyParser: false,
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  streamBodies(app.getHttpAdapter().getInstance());
  drainLeftovers(app.getHttpAdapter().getInstance());
  await app.listen(config.port, '127.0.0.1');
  return app;
}

/** Makes an account with {@link PASSWORD}. */
export async function addUser(source: DataSource, username: string, isSuperuser = false): Promise<void> {
  const passwordHash = await new PasswordHasher().hash(PASSWORD);
  await source.transaction((tx) => createUser(tx, { username, passwordHash, isSuperuser }));
}

function clientOf(url: string) {
  const request: ApiProcess['request'] = async (method, path, body, { as = 'admin', headers = {} } = {}) => {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(as === null ? {} : { authorization: `Basic ${btoa(`${as}:${PASSWORD}`)}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent as string }),
      redirect: 'manual',
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json');
    return {
      status: response.status,
      headers: response.headers,
      body: (json ? JSON.parse(text) : text) as Json,
    };
  };
  const get: ApiProcess['get'] = (path, options) => request('GET', path, undefined, options);
  const finished: ApiProcess['finished'] = async (answer) => {
    if (answer.status !== 202) throw new Error(`no task but ${answer.status}: ${JSON.stringify(answer.body)}`);
    for (const end = Date.now() + 20_000; ;) {
      const { body } = await get(answer.body['task']!);
      if (['completed', 'failed', 'canceled'].includes(body['state']!)) return body;
      if (Date.now() > end) throw new Error(`the task is ${body['state']!}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  return { request, get, finished };
}
