import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '#content/collector/collect.js';
import { Pace } from '#content/collector/pace.js';
import { dropForgotten } from '#content/maintenance/drop-forgotten.js';
import { deleteTag } from '#content/push/delete-content.js';
import type { Digest } from '#oci/digest.js';
import { rowsOf } from '#platform/database.js';
import { CollectorWorld } from './collector-world.js';
import { makeIndex, makeRepository } from './content-factory.js';
import { brokenInvariants } from './invariants.js';

let world: CollectorWorld;
beforeAll(async () => {
  world = await CollectorWorld.open();
});
afterAll(() => world.close());
beforeEach(async () => {
  world.repositoryId = await makeRepository(world.source);
});

describe('the collector', () => {
  it('frees what no version needs, rows and bytes, and says how much', async () => {
    const draft = await world.image();
    await world.push(draft, 'a');
    await world.forget(draft.digest);
    const [config] = draft.parsed.config ? [draft.parsed.config.digest] : [];
    const report = await world.run();
    expect(report).toMatchObject({ tags: 1, manifests: 1, blobs: 2, bytes: 50 });
    expect(await world.store.size(config as Digest)).toBeUndefined();
    expect(await world.has('manifest', draft.digest)).toBe(false);
    expect(await brokenInvariants(world.source, world.store)).toEqual([]);
  });

  it('keeps everything within the grace time', async () => {
    const draft = await world.image();
    await world.push(draft, 'a');
    await world.forget(draft.digest);
    expect(await world.run({ graceSeconds: 3600 })).toMatchObject({ tags: 0, manifests: 0, blobs: 0, bytes: 0 });
    await world.age(3700);
    expect(await world.run({ graceSeconds: 3600 })).toMatchObject({ tags: 1, manifests: 1, blobs: 2, bytes: 50 });
  });

  it('removes nothing in a dry run and tells what it would', async () => {
    const draft = await world.image();
    await world.push(draft, 'a');
    await world.forget(draft.digest);
    // What only a manifest holds that would go is found by the next run.
    expect(await world.run({ dryRun: true })).toMatchObject({ tags: 1, blobs: 0 });
    expect(await world.has('manifest', draft.digest)).toBe(true);
    expect(await world.run()).toMatchObject({ manifests: 1, blobs: 2 });
  });

  it('keeps uploaded blobs until nobody came for them', async () => {
    const digest = await world.upload(randomBytes(40));
    await world.run();
    expect(await world.store.size(digest)).toBe(40);
    await world.age(7200);
    expect(await dropForgotten(world.source, 3600)).toBeGreaterThan(0);
    await world.run();
    expect(await world.store.size(digest)).toBeUndefined();
  });

  it('keeps blobs that only a staged manifest names', async () => {
    const draft = await world.image();
    await world.push(draft);
    await world.age(7200);
    await dropForgotten(world.source, 3600);
    await world.run();
    expect(await world.has('manifest', draft.digest)).toBe(true);
    await expect(world.push(draft, 'late')).resolves.toMatchObject({
      version: { added: { blob: 2, manifest: 1, tag: 1 } },
    });
    expect(await brokenInvariants(world.source, world.store)).toEqual([]);
  });

  describe('beside those who pull', () => {
    const LOCKS = `select count(*)::int as held from pg_locks
      where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`;

    /** Blobs that nothing needs, a clock that only the removing of a file moves, and how the collector rested on it. */
    async function litter(count: number) {
      const digests: string[] = [];
      for (let at = 0; at < count; at += 1) digests.push(await world.upload(randomBytes(10)));
      await world.unstage();
      const rows = await rowsOf<{ id: string }>(world.source, 'select id from blob where digest = any($1)', [digests]);
      const abort = new AbortController();
      const seen = { now: 0, removed: 0, rests: [] as number[], held: 0, abort, stopAtRest: Infinity };
      const clock = {
        now: () => seen.now,
        sleep: async (milliseconds: number) => {
          if (milliseconds > 0) seen.rests.push(milliseconds);
          seen.held += (await rowsOf<{ held: number }>(world.source, LOCKS))[0]!.held;
          if (seen.rests.length === seen.stopAtRest) abort.abort(new Error('stopped'));
        },
      };
      const store = new Proxy(world.store, {
        get: (target, key) => async (digest: Digest) => {
          expect(key).toBe('remove');
          seen.now += 3;
          seen.removed += 1;
          await target.remove(digest);
        },
      });
      const options = { graceSeconds: 0, only: rows.map(({ id }) => id), signal: abort.signal };
      const run = () => collect(world.source, store, options, new Pace(abort.signal, clock));
      return { seen, run };
    }

    it('rests after twenty files for nine times as long as they took, and holds nothing that they wait for', async () => {
      const { seen, run } = await litter(45);
      expect(await run()).toMatchObject({ blobs: 45, bytes: 450 });
      expect(seen).toMatchObject({ rests: [540, 540, 135], held: 0 });
    });

    it('begins no further piece when it is stopped', async () => {
      const { seen, run } = await litter(45);
      seen.stopAtRest = 1;
      await expect(run()).rejects.toThrow('stopped');
      expect(seen).toMatchObject({ removed: 20, rests: [540] });
      expect((await world.run()).strayFiles).toBe(25);
    });
  });

  it('frees the images of an index that goes', async () => {
    const images = [await world.image(), await world.image()];
    for (const draft of images) await world.push(draft);
    const index = makeIndex(images);
    await world.push(index, 'list');
    await world.transaction((tx) => deleteTag(tx, world.repositoryId, 'list'));
    for (const draft of [index, ...images]) await world.forget(draft.digest).catch(() => undefined);
    expect(await world.run()).toMatchObject({ manifests: 3, blobs: 4 });
  });
});
