import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { expect } from 'vitest';
import { Config, type HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import type { DomainError } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { FileStore } from '#storage/file-store.js';
import type { TaskContext } from '#tasks/define-task.js';
import { RemoteEntity } from '#transfer/remotes/remote.entity.js';
import { SyncHandler } from '#transfer/sync/sync.handler.js';
import type { SyncPayload, SyncResult } from '#transfer/sync/sync.task.js';
import { createRepository } from '#content/versions/create-repository.js';
import { createTestDatabase } from '../database.js';

/** Runs syncs in this process: a database, a store and the handler. */
export interface SyncBench {
  readonly source: DataSource;
  readonly store: FileStore;
  readonly config: HallmarkConfig;
  makeRemote(fields: Partial<RemoteEntity> & { url: string }): Promise<RemoteEntity>;
  makeRepository(): Promise<string>;
  sync(
    repositoryId: string,
    remote: RemoteEntity,
    options?: Partial<SyncPayload> & { signal?: AbortSignal },
  ): Promise<SyncResult>;
  /** Progress codes of the last sync with what was done. */
  readonly progress: Map<string, number>;
  readonly created: string[];
  head(repositoryId: string): Promise<{ number: number; present: Record<string, number> }>;
  stop(): Promise<void>;
}

/** How a sync ended that must fail, and what its repository is afterwards. */
export async function refusalOf(bench: SyncBench, repositoryId: string, remote: RemoteEntity) {
  const error: unknown = await bench.sync(repositoryId, remote).catch((thrown: unknown) => thrown);
  const { name, message, code } = error as DomainError;
  return { name, message, code, head: await bench.head(repositoryId) };
}

/** A {@link refusalOf} with this reason that left the new repository as it was. */
export const refused = (reason: RegExp | string, code?: string) => ({
  name: 'DomainError',
  message: expect.stringMatching(reason) as string,
  head: { number: 0, present: {} },
  ...(code ? { code } : {}),
});

/** Starts a bench; `settings` replace settings. */
export async function startBench(settings: Partial<HallmarkConfig> = {}): Promise<SyncBench> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-sync-'));
  const store = new FileStore(folder, false);
  const config = Config.read({}, { dataDir: folder }).with(settings);
  const { source } = database;
  const handler = new SyncHandler(source, store, config);
  const progress = new Map<string, number>();
  const created: string[] = [];
  return {
    source,
    store,
    config,
    progress,
    created,
    makeRemote: (fields) => makeRemote(source, fields),
    makeRepository: () => source.transaction((tx) => createRepository(tx, { type: 'container', name: `r-${newId()}` })),
    sync(repositoryId, remote, { signal, ...options } = {}) {
      progress.clear();
      created.length = 0;
      const payload = { repositoryId, remoteId: remote.id, mirror: false, signedOnly: false, ...options };
      return handler.run(payload, taskContext(progress, created, signal));
    },
    async head(repositoryId) {
      const [row] = await rowsOf<{ number: number; present: Record<string, number> }>(
        source,
        `select v.number, v.present from repository r join repository_version v on v.repository_id = r.id and v.number = r.head where r.id = $1`,
        [repositoryId],
      );
      return row!;
    },
    async stop() {
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeRemote(source: DataSource, fields: Partial<RemoteEntity> & { url: string }): Promise<RemoteEntity> {
  const id = newId();
  await source.manager.insert(RemoteEntity, {
    id,
    name: `remote-${id}`,
    upstreamName: 'team/app',
    maxRetries: 1,
    ...fields,
  });
  return source.manager.findOneByOrFail(RemoteEntity, { id });
}

/** What a handler is run with here. */
export function taskContext(
  progress = new Map<string, number>(),
  created: string[] = [],
  signal?: AbortSignal,
): TaskContext {
  return {
    taskId: newId(),
    signal: signal ?? new AbortController().signal,
    progress: ({ code, done }) => void progress.set(code, done),
    createdResource: (href) => void created.push(href),
    log: () => undefined,
    fence: () => Promise.resolve(),
    conclude: (_tx, outcome) => Promise.resolve(outcome),
  };
}
