import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dropForgotten } from '#content/maintenance/drop-forgotten.js';
import { deleteTag } from '#content/push/delete-content.js';
import type { Digest } from '#oci/digest.js';
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
