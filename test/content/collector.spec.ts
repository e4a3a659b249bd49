import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '#content/collector/collect.js';
import { dropForgotten } from '#content/maintenance/drop-forgotten.js';
import { deleteManifest, deleteTag } from '#content/push/delete-content.js';
import type { ManifestDraft } from '#content/push/drafts.js';
import { storeManifest } from '#content/push/store-manifest.js';
import { mountBlob } from '#content/uploads/mount-blob.js';
import { protectDigest, stageBlob } from '#content/uploads/store-blob.js';
import { deleteVersion } from '#content/versions/delete-version.js';
import { digestOf, type Digest } from '#oci/digest.js';
import { inTransaction, isUniqueViolation, rowsOf } from '#platform/database.js';
import { isDomainError } from '#platform/domain-error.js';
import { FileStore } from '#storage/file-store.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { draftOf, makeImage, makeIndex, makeRepository } from './content-factory.js';
import { brokenInvariants, changedVersions, versionContents } from './invariants.js';

let database: TestDatabase;
let folder: string;
let store: FileStore;
let repositoryId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'hallmark-collect-'));
  store = new FileStore(folder, false);
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  repositoryId = await makeRepository(database.source);
});

const transaction = <T>(work: (tx: EntityManager) => Promise<T>) => inTransaction(database.source, work);
const run = (options: { graceSeconds?: number; dryRun?: boolean } = {}) =>
  collect(database.source, store, { graceSeconds: 0, ...options });
const push = (draft: ManifestDraft, ...tags: string[]) =>
  transaction((tx) => storeManifest(tx, { repositoryId, draft, tags }));
const rowOf = async (table: 'blob' | 'manifest', digest: string) =>
  (await rowsOf(database.source, `select 1 from ${table} where digest = $1`, [digest])).length > 0;

/** A blob as an upload stores it: bytes and row under one lock. */
async function upload(bytes: Buffer): Promise<Digest> {
  const digest = digestOf(bytes);
  await transaction(async (tx) => {
    await protectDigest(tx, digest);
    await store.putBytes(digest, bytes);
    await stageBlob(tx, repositoryId, digest, bytes.length);
  });
  return digest;
}

async function image(blobs = [randomBytes(20), randomBytes(30)], subject?: ManifestDraft): Promise<ManifestDraft> {
  for (const bytes of blobs) await upload(bytes);
  return transaction((tx) =>
    makeImage(tx, repositoryId, { blobs, ...(subject ? { subject, artifactType: 'x/y' } : {}) }),
  );
}

/** Makes the past of everything that is here. */
async function age(seconds: number): Promise<void> {
  for (const [table, column] of [
    ['blob', 'touched_at'],
    ['manifest', 'touched_at'],
    ['staged', 'since'],
    ['tag', 'pulp_created'],
    ['signature', 'pulp_created'],
  ])
    await database.source.query(`update ${table} set ${column} = ${column} - $1 * interval '1 second'`, [seconds]);
}

/** Leaves nothing of the image in any version. */
async function forget(digest: string): Promise<void> {
  await transaction((tx) => deleteManifest(tx, repositoryId, digest));
  const rows = await rowsOf<{ number: number; head: number }>(
    database.source,
    'select v.number, r.head from repository_version v join repository r on r.id = v.repository_id where r.id = $1 order by 1',
    [repositoryId],
  );
  for (const { number, head } of rows)
    if (number !== head) await transaction((tx) => deleteVersion(tx, repositoryId, number));
  await database.source.query('delete from staged where repository_id = $1', [repositoryId]);
}

describe('the collector', () => {
  it('frees what no version needs, rows and bytes, and says how much', async () => {
    const draft = await image();
    await push(draft, 'a');
    await forget(draft.digest);
    const [config] = draft.parsed.config ? [draft.parsed.config.digest] : [];
    const report = await run();
    expect(report).toMatchObject({ tags: 1, manifests: 1, blobs: 2, bytes: 50 });
    expect(await store.size(config as Digest)).toBeUndefined();
    expect(await rowOf('manifest', draft.digest)).toBe(false);
    expect(await brokenInvariants(database.source, store)).toEqual([]);
  });

  it('keeps everything within the grace time', async () => {
    const draft = await image();
    await push(draft, 'a');
    await forget(draft.digest);
    expect(await run({ graceSeconds: 3600 })).toMatchObject({ tags: 0, manifests: 0, blobs: 0, bytes: 0 });
    await age(3700);
    expect(await run({ graceSeconds: 3600 })).toMatchObject({ tags: 1, manifests: 1, blobs: 2, bytes: 50 });
  });

  it('removes nothing in a dry run and tells what it would', async () => {
    const draft = await image();
    await push(draft, 'a');
    await forget(draft.digest);
    // What only a manifest holds that would go is found by the next run.
    expect(await run({ dryRun: true })).toMatchObject({ tags: 1, blobs: 0 });
    expect(await rowOf('manifest', draft.digest)).toBe(true);
    expect(await run()).toMatchObject({ manifests: 1, blobs: 2 });
  });

  it('keeps uploaded blobs until nobody came for them', async () => {
    const digest = await upload(randomBytes(40));
    await run();
    expect(await store.size(digest)).toBe(40);
    await age(7200);
    expect(await dropForgotten(database.source, 3600)).toBeGreaterThan(0);
    await run();
    expect(await store.size(digest)).toBeUndefined();
  });

  it('keeps blobs that only a staged manifest names', async () => {
    const draft = await image();
    await push(draft);
    await age(7200);
    await dropForgotten(database.source, 3600);
    await run();
    expect(await rowOf('manifest', draft.digest)).toBe(true);
    await expect(push(draft, 'late')).resolves.toMatchObject({ version: { added: { blob: 2, manifest: 1, tag: 1 } } });
    expect(await brokenInvariants(database.source, store)).toEqual([]);
  });

  it('frees the images of an index that goes', async () => {
    const images = [await image(), await image()];
    for (const draft of images) await push(draft);
    const index = makeIndex(images);
    await push(index, 'list');
    await transaction((tx) => deleteTag(tx, repositoryId, 'list'));
    for (const draft of [index, ...images]) await forget(draft.digest).catch(() => undefined);
    expect(await run()).toMatchObject({ manifests: 3, blobs: 4 });
  });
});

describe('collecting while others write', () => {
  it('G1: a push that reuses what was marked wins, or is told to send the blob again', async () => {
    for (let round = 0; round < 15; round += 1) {
      const bytes = [randomBytes(20), randomBytes(30)];
      const first = await image(bytes);
      await push(first, 'a');
      await forget(first.digest);
      const draft = draftOf(JSON.parse(Buffer.from(first.bytes).toString('utf8')));
      const again = async () => {
        for (const blob of bytes)
          if (!(await mountBlob(database.source, repositoryId, digestOf(blob)))) await upload(blob);
        await push(draft, 'again');
      };
      const [pushed] = await Promise.allSettled([again(), run()]);
      if (pushed.status === 'rejected') expect(isDomainError(pushed.reason), String(pushed.reason)).toBe(true);
      expect(await brokenInvariants(database.source, store)).toEqual([]);
      await run();
      expect(await brokenInvariants(database.source, store)).toEqual([]);
    }
  });

  it('G2: what a crash leaves between bytes and rows is healed by the next run', async () => {
    const [before, after] = [randomBytes(50), randomBytes(60)];
    // The bytes were placed and the process died before the row.
    await store.putBytes(digestOf(before), before);
    // The row was deleted and the process died before the bytes.
    const digest = await upload(after);
    await database.source.query('delete from staged where repository_id = $1', [repositoryId]);
    await database.source.query('delete from blob where digest = $1', [digest]);
    expect(await brokenInvariants(database.source, store)).toEqual([]);
    expect((await run({ dryRun: true })).strayFiles).toBeGreaterThanOrEqual(2);
    expect((await run()).strayFiles).toBeGreaterThanOrEqual(2);
    expect(await store.size(digestOf(before))).toBeUndefined();
    expect(await store.size(digest)).toBeUndefined();
  });

  it('G2: a store that fails while bytes go leaves no row without bytes', async () => {
    const draft = await image();
    await push(draft, 'a');
    await forget(draft.digest);
    const failing = Object.create(store) as FileStore;
    failing.remove = () => Promise.reject(new Error('the disk is away'));
    await expect(collect(database.source, failing, { graceSeconds: 0 })).rejects.toThrow('the disk is away');
    expect(await brokenInvariants(database.source, store)).toEqual([]);
    expect((await run()).strayFiles).toBeGreaterThanOrEqual(1);
  });

  it('G3: two collections at once do each thing once', async () => {
    const drafts = [];
    for (let at = 0; at < 20; at += 1) {
      const draft = await image();
      await push(draft, `t${at}`);
      drafts.push(draft);
    }
    for (const draft of drafts) await forget(draft.digest);
    const reports = await Promise.all([run(), run(), run()]);
    const last = await run();
    const sum = (key: 'manifests' | 'blobs') => [...reports, last].reduce((total, each) => total + each[key], 0);
    expect([sum('manifests'), sum('blobs')]).toEqual([20, 40]);
    expect(await brokenInvariants(database.source, store)).toEqual([]);
  });

  it('G4: a referrer whose subject comes later is kept', async () => {
    const subject = await image();
    const referrer = await image(undefined, subject);
    await push(referrer);
    await age(100_000);
    await dropForgotten(database.source, 3600);
    await run();
    expect(await rowOf('manifest', referrer.digest)).toBe(true);
  });

  it('G5: the image of an index in an older version is kept while that version is', async () => {
    const child = await image();
    await push(child);
    const index = makeIndex([child]);
    await push(index, 'list');
    for (const digest of [index.digest, child.digest])
      await transaction((tx) => deleteManifest(tx, repositoryId, digest));
    await database.source.query('delete from staged where repository_id = $1', [repositoryId]);
    await age(100_000);
    await run();
    expect(await rowOf('manifest', child.digest)).toBe(true);
    expect(await store.size(child.parsed.layers[0]!.digest as Digest)).toBeDefined();
    for (const number of [1, 2]) await transaction((tx) => deleteVersion(tx, repositoryId, number));
    await run();
    expect(await rowOf('manifest', child.digest)).toBe(false);
  });

  it('pushes, deletes and collections for seconds on end never break what is stored', async () => {
    const shared = Array.from({ length: 6 }, () => randomBytes(24));
    const repositories = [repositoryId, await makeRepository(database.source, { retainRepoVersions: 3 })];
    const failures: unknown[] = [];
    const deadline = Date.now() + 4_000;
    let pushes = 0;
    const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)]!;
    const pushOne = async () => {
      const id = pick(repositories);
      const blobs = [pick(shared), pick(shared)];
      for (const bytes of blobs) {
        const digest = digestOf(bytes);
        if (await mountBlob(database.source, id, digest)) continue;
        await transaction(async (tx) => {
          await protectDigest(tx, digest);
          await store.putBytes(digest, bytes);
          await stageBlob(tx, id, digest, bytes.length);
        });
      }
      const draft = await transaction(async () => {
        const [config, layer] = blobs.map((bytes) => ({ digest: digestOf(bytes), size: bytes.length }));
        const type = 'application/vnd.oci.image';
        return draftOf({
          schemaVersion: 2,
          mediaType: `${type}.manifest.v1+json`,
          config: { ...config, mediaType: `${type}.config.v1+json` },
          layers: [{ ...layer, mediaType: `${type}.layer.v1.tar` }],
        });
      });
      await transaction((tx) => storeManifest(tx, { repositoryId: id, draft, tags: [pick(['a', 'b', 'c'])] }));
      pushes += 1;
      if (Math.random() < 0.5) await transaction((tx) => deleteManifest(tx, id, draft.digest));
      if (Math.random() < 0.5) await database.source.query(`delete from staged where kind = 'blob' and random() < 0.5`);
    };
    const loop = async (work: () => Promise<unknown>) => {
      while (Date.now() < deadline)
        await work().catch((error: unknown) => {
          if (!isDomainError(error) && !isUniqueViolation(error)) failures.push(error);
        });
    };
    const versions = await versionContents(database.source);
    await Promise.all([loop(pushOne), loop(pushOne), loop(pushOne), loop(pushOne), loop(run), loop(run)]);
    expect(failures).toEqual([]);
    expect(pushes).toBeGreaterThan(20);
    expect(await brokenInvariants(database.source, store)).toEqual([]);
    expect(changedVersions(versions, await versionContents(database.source))).toEqual([]);
  }, 60_000);
});
