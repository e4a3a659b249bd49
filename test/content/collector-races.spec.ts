import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '#content/collector/collect.js';
import { dropForgotten } from '#content/maintenance/drop-forgotten.js';
import { deleteManifest } from '#content/push/delete-content.js';
import { storeManifest } from '#content/push/store-manifest.js';
import { keepInSession, storeFromSession } from '#content/uploads/session-bytes.js';
import { claimDigest } from '#content/uploads/store-blob.js';
import { mountBlob } from '#content/uploads/mount-blob.js';
import { deleteVersion } from '#content/versions/delete-version.js';
import { digestOf, type Digest } from '#oci/digest.js';
import { isUniqueViolation, rowsOf } from '#platform/database.js';
import { isDomainError } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import type { FileStore } from '#storage/file-store.js';
import { CollectorWorld } from './collector-world.js';
import { draftOf, makeIndex, makeRepository } from './content-factory.js';
import { brokenInvariants, changedVersions, versionContents } from './invariants.js';

let world: CollectorWorld;
beforeAll(async () => {
  world = await CollectorWorld.open();
});
afterAll(() => world.close());
beforeEach(async () => {
  world.repositoryId = await makeRepository(world.source);
});

describe('collecting while others write', () => {
  it('G1: a push that reuses what was marked wins, or is told to send the blob again', async () => {
    for (let round = 0; round < 15; round += 1) {
      const bytes = [randomBytes(20), randomBytes(30)];
      const first = await world.image(bytes);
      await world.push(first, 'a');
      await world.forget(first.digest);
      const draft = draftOf(JSON.parse(Buffer.from(first.bytes).toString('utf8')));
      const again = async () => {
        for (const blob of bytes)
          if (!(await mountBlob(world.source, world.repositoryId, digestOf(blob))))
            await (round % 2 ? world.uploadInRow(blob) : world.upload(blob));
        await world.push(draft, 'again');
      };
      const [pushed] = await Promise.allSettled([again(), world.run()]);
      if (pushed.status === 'rejected') expect(isDomainError(pushed.reason), String(pushed.reason)).toBe(true);
      expect(await brokenInvariants(world.source, world.store)).toEqual([]);
      await world.run();
      expect(await brokenInvariants(world.source, world.store)).toEqual([]);
    }
  });

  it.each(['in one request', 'from its session'] as const)(
    'G1: a small blob that comes %s while its row is taken away gets a row of its own',
    async (way) => {
      const bytes = randomBytes(500);
      const digest = await world.uploadInRow(bytes);
      const session = {
        id: newId(),
        repositoryId: world.repositoryId,
        principal: 'user:1',
        started: 'sha256',
      } as const;
      expect(await keepInSession(world.source, session, bytes)).toBe(true);
      let push: Promise<unknown> | undefined;
      await world.transaction(async (tx) => {
        expect(await claimDigest(tx, digest)).toBe(true);
        await world.unstage();
        await tx.query('delete from blob where digest = $1', [digest]);
        push = way === 'in one request' ? world.uploadInRow(bytes) : storeFromSession(world.source, session, digest);
        const waiting = `select 1 from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`;
        await expect.poll(async () => (await rowsOf(world.source, waiting)).length).toBe(1);
      });
      expect(await push).toBe(way === 'in one request' ? digest : true);
      expect((await world.store.getBytes(digest, 500)).equals(bytes)).toBe(true);
      const staged =
        'select 1 from staged s join blob b on b.id = s.unit_id where s.repository_id = $1 and b.digest = $2';
      expect(await rowsOf(world.source, staged, [world.repositoryId, digest])).toHaveLength(1);
    },
  );

  it('G2: what a crash leaves between bytes and rows is healed by the next run', async () => {
    const [before, after] = [randomBytes(50), randomBytes(60)];
    // The bytes were placed and the process died before the row.
    await world.store.putBytes(digestOf(before), before);
    // The row was deleted and the process died before the bytes.
    const digest = await world.upload(after);
    await world.unstage();
    await world.source.query('delete from blob where digest = $1', [digest]);
    expect(await brokenInvariants(world.source, world.store)).toEqual([]);
    expect((await world.run({ dryRun: true })).strayFiles).toBeGreaterThanOrEqual(2);
    expect((await world.run()).strayFiles).toBeGreaterThanOrEqual(2);
    expect(await world.store.size(digestOf(before))).toBeUndefined();
    expect(await world.store.size(digest)).toBeUndefined();
  });

  it('G2: a store that fails while bytes go leaves no row without bytes', async () => {
    const draft = await world.image();
    await world.push(draft, 'a');
    await world.forget(draft.digest);
    const failing = Object.create(world.store) as FileStore;
    failing.remove = () => Promise.reject(new Error('the disk is away'));
    await expect(collect(world.source, failing, { graceSeconds: 0 })).rejects.toThrow('the disk is away');
    expect(await brokenInvariants(world.source, world.store)).toEqual([]);
    expect((await world.run()).strayFiles).toBeGreaterThanOrEqual(1);
  });

  it('G3: two collections at once do each thing once', async () => {
    const drafts = [];
    for (let at = 0; at < 20; at += 1) {
      const draft = await world.image();
      await world.push(draft, `t${at}`);
      drafts.push(draft);
    }
    for (const draft of drafts) await world.forget(draft.digest);
    const reports = await Promise.all([world.run(), world.run(), world.run()]);
    const last = await world.run();
    const sum = (key: 'manifests' | 'blobs') => [...reports, last].reduce((total, each) => total + each[key], 0);
    expect([sum('manifests'), sum('blobs')]).toEqual([20, 40]);
    expect(await brokenInvariants(world.source, world.store)).toEqual([]);
  });

  it('G4: a referrer whose subject comes later is kept', async () => {
    const subject = await world.image();
    const referrer = await world.image(undefined, subject);
    await world.push(referrer);
    await world.age(100_000);
    await dropForgotten(world.source, 3600);
    await world.run();
    expect(await world.has('manifest', referrer.digest)).toBe(true);
  });

  it('G5: the image of an index in an older version is kept while that version is', async () => {
    const child = await world.image();
    await world.push(child);
    const index = makeIndex([child]);
    await world.push(index, 'list');
    for (const digest of [index.digest, child.digest])
      await world.transaction((tx) => deleteManifest(tx, world.repositoryId, digest));
    await world.unstage();
    await world.age(100_000);
    await world.run();
    expect(await world.has('manifest', child.digest)).toBe(true);
    expect(await world.store.size(child.parsed.layers[0]!.digest as Digest)).toBeDefined();
    for (const number of [1, 2]) await world.transaction((tx) => deleteVersion(tx, world.repositoryId, number));
    await world.run();
    expect(await world.has('manifest', child.digest)).toBe(false);
  });

  it('pushes, deletes and collections for seconds on end never break what is stored', async () => {
    const shared = Array.from({ length: 6 }, () => randomBytes(24));
    const repositories = [world.repositoryId, await makeRepository(world.source, { retainRepoVersions: 3 })];
    const failures: unknown[] = [];
    const deadline = Date.now() + 4_000;
    let pushes = 0;
    const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)]!;
    const pushOne = async () => {
      const id = pick(repositories);
      const blobs = [pick(shared), pick(shared)];
      for (const bytes of blobs) {
        const digest = digestOf(bytes);
        if (await mountBlob(world.source, id, digest)) continue;
        await (Math.random() < 0.5 ? world.uploadInRow(bytes, id) : world.upload(bytes, id));
      }
      const draft = await world.transaction(async () => {
        const [config, layer] = blobs.map((bytes) => ({ digest: digestOf(bytes), size: bytes.length }));
        const type = 'application/vnd.oci.image';
        return draftOf({
          schemaVersion: 2,
          mediaType: `${type}.manifest.v1+json`,
          config: { ...config, mediaType: `${type}.config.v1+json` },
          layers: [{ ...layer, mediaType: `${type}.layer.v1.tar` }],
        });
      });
      await world.transaction((tx) => storeManifest(tx, { repositoryId: id, draft, tags: [pick(['a', 'b', 'c'])] }));
      pushes += 1;
      if (Math.random() < 0.5) await world.transaction((tx) => deleteManifest(tx, id, draft.digest));
      if (Math.random() < 0.5) await world.source.query(`delete from staged where kind = 'blob' and random() < 0.5`);
    };
    const loop = async (work: () => Promise<unknown>) => {
      while (Date.now() < deadline)
        await work().catch((error: unknown) => {
          if (!isDomainError(error) && !isUniqueViolation(error)) failures.push(error);
        });
    };
    const versions = await versionContents(world.source);
    await Promise.all([
      loop(pushOne),
      loop(pushOne),
      loop(pushOne),
      loop(pushOne),
      loop(() => world.run()),
      loop(() => world.run()),
    ]);
    expect(failures).toEqual([]);
    expect(pushes).toBeGreaterThan(20);
    expect(await brokenInvariants(world.source, world.store)).toEqual([]);
    expect(changedVersions(versions, await versionContents(world.source))).toEqual([]);
  }, 60_000);
});
