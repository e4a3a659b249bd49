import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { receiveBlob } from '#content/uploads/receive-blob.js';
import { type Digest, digestOf } from '#oci/digest.js';
import { createDataSource, rowsOf } from '#platform/database.js';
import { pushManifest } from '#signing/push/push-manifest.js';
import { FileStore } from '#storage/file-store.js';
import { entities } from '../../migrations/entities.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { makeRepository } from './content-factory.js';

const KIB = 1024;
let database: TestDatabase;
let source: DataSource;
let store: FileStore;
let folder: string;
let repositoryId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  // The server of the tests flushes nothing by itself; a real one does.
  const name = new URL(database.url).pathname.slice(1);
  await database.source.query(`alter database ${name} set synchronous_commit = on`);
  source = await createDataSource({ url: database.url, entities }).initialize();
  folder = await mkdtemp(join(tmpdir(), 'hallmark-power-'));
  store = new FileStore(folder);
  repositoryId = await makeRepository(source);
});
afterAll(async () => {
  await source?.destroy();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => vi.restoreAllMocks());

/** Writes down each flush of a file when it has ended, and each step of the database when it begins. */
async function recordSteps(): Promise<string[]> {
  const steps: string[] = [];
  const any = await open(folder);
  const handle = Object.getPrototypeOf(any) as FileHandle;
  await any.close();
  for (const [method, name] of Object.entries({ datasync: 'bytes flushed', sync: 'folder flushed' } as const)) {
    const real = handle[method as 'sync'];
    vi.spyOn(handle, method as 'sync').mockImplementation(async function (this: FileHandle) {
      await real.call(this);
      steps.push(name);
    });
  }
  const query = pg.Client.prototype.query as (...words: unknown[]) => unknown;
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...words: unknown[]) {
    const [config] = words as [string | { name?: string }];
    const step = STEPS[typeof config === 'string' ? config : (config.name ?? '')];
    if (step !== undefined) steps.push(step);
    return query.apply(this, words);
  } as never);
  return steps;
}

const STEPS: Readonly<Record<string, string>> = {
  'stage-blobs': 'row of the blob',
  'store-small-blobs': 'row with its bytes',
  'change-members': 'rows of the version',
  COMMIT: 'commit',
  flush: 'flush of the rows',
};

async function pushBlob(bytes: Buffer): Promise<Digest> {
  const digest = digestOf(bytes);
  const chunk = { bytes: Readable.from([bytes]), length: bytes.length };
  await receiveBlob({ source, store, limits: {} }, repositoryId, digest, chunk);
  return digest;
}

function pushImage(blobs: readonly Buffer[], tag: string) {
  const type = 'application/vnd.oci.image';
  const [config, layer] = blobs.map((bytes) => ({ digest: digestOf(bytes), size: bytes.length }));
  const manifest = {
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: { ...config, mediaType: `${type}.config.v1+json` },
    layers: [{ ...layer, mediaType: `${type}.layer.v1.tar` }],
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return pushManifest(
    { source, store, view: { repositoryId, pinned: null } },
    { bytes, contentType: manifest.mediaType, reference: tag },
  );
}

const positionOf = async (kind: 'insert' | 'flush') =>
  (await rowsOf<{ lsn: string }>(source, `select pg_current_wal_${kind}_lsn()::text as lsn`))[0]!.lsn;

describe('what a power failure takes', () => {
  it('is never the bytes of a row: a blob is on the disk, by its name too, before its row is made', async () => {
    await pushBlob(randomBytes(300 * KIB));
    const steps = await recordSteps();
    await pushBlob(randomBytes(300 * KIB));
    expect(steps).toEqual(['bytes flushed', 'folder flushed', 'row of the blob', 'commit']);
  });

  it('is never the bytes of a small blob alone: they are in its row, and nothing else is written', async () => {
    const steps = await recordSteps();
    await pushBlob(randomBytes(500));
    expect(steps).toEqual(['row with its bytes']);
  });

  it('is never a small blob that was acknowledged: the log is flushed beyond its bytes', async () => {
    for (let round = 0; round < 5; round += 1) {
      const before = await positionOf('insert');
      await pushBlob(randomBytes(5000));
      const [row] = await rowsOf<{ flushed: number }>(source, 'select ($1::pg_lsn - $2::pg_lsn)::int as flushed', [
        await positionOf('flush'),
        before,
      ]);
      expect(row!.flushed).toBeGreaterThan(5000);
    }
  });

  it('is never a manifest that was acknowledged: its rows are flushed before the answer', async () => {
    const blobs = [randomBytes(50), randomBytes(60)];
    for (const bytes of blobs) await pushBlob(bytes);
    const steps = await recordSteps();
    await pushImage(blobs, 'v1');
    expect(steps).toEqual(['rows of the version', 'commit', 'flush of the rows']);
  });

  it('is never what such a manifest names: the log is flushed beyond the rows of its blobs', async () => {
    for (let round = 0; round < 5; round += 1) {
      const blobs = [randomBytes(50), randomBytes(60)];
      for (const bytes of blobs) await pushBlob(bytes);
      const written = await positionOf('insert');
      await pushImage(blobs, `v${round}`);
      const flushed = await positionOf('flush');
      const [row] = await rowsOf<{ safe: boolean }>(source, 'select $1::pg_lsn >= $2::pg_lsn as safe', [
        flushed,
        written,
      ]);
      expect(row).toEqual({ safe: true });
    }
  });
});
