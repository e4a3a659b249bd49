import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe as group, expect, it } from 'vitest';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { selectForCopy } from '#content/changes/recursive-add.js';
import { selectForRemoval } from '#content/changes/recursive-remove.js';
import { tagImage, untagImage } from '#content/changes/tag-image.js';
import { findUnits, unitsAt } from '#content/changes/units.js';
import { storeManifest } from '#content/push/store-manifest.js';
import { findByDigest, findByTag } from '#content/read/find-manifest.js';
import { findReferrers } from '#content/read/find-referrers.js';
import { applyChange, type UnitRef } from '#content/versions/apply-change.js';
import { deleteVersion } from '#content/versions/delete-version.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { makeImage, makeIndex, makeRepository } from './content-factory.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const transaction = <T>(work: (tx: EntityManager) => Promise<T>) => database.source.transaction(work);

group('versions', () => {
  it('keep their content whatever is added, removed and deleted later', async () => {
    const repositoryId = await makeRepository(database.source);
    const pool: UnitRef[] = Array.from({ length: 12 }, (_, at) =>
      at % 2 === 0 ? { id: newId(), kind: 'tag', tagName: `t${at % 6}` } : { id: newId(), kind: 'blob' },
    );
    const model = new Map<number, Set<string>>([[0, new Set()]]);
    let state = 7;
    const random = (below: number) => (state = (state * 1103515245 + 12345) % 2147483648) % below;
    for (let step = 0; step < 120; step += 1) {
      const head = Math.max(...model.keys());
      if (random(5) === 0 && model.size > 2) {
        const numbers = [...model.keys()];
        const doomed = numbers[random(numbers.length)]!;
        await transaction((tx) => deleteVersion(tx, repositoryId, doomed));
        model.delete(doomed);
      } else {
        const add = pool.filter(() => random(4) === 0);
        const names = new Set<string>();
        const distinct = add.filter((unit) => !unit.tagName || (!names.has(unit.tagName) && names.add(unit.tagName)));
        const remove = pool.filter(() => random(5) === 0).map((unit) => unit.id);
        const made = await transaction((tx) => applyChange(tx, repositoryId, { add: distinct, remove }));
        const next = new Set(model.get(head));
        for (const id of remove) next.delete(id);
        for (const unit of distinct) {
          for (const other of pool) if (other.tagName && other.tagName === unit.tagName) next.delete(other.id);
          next.add(unit.id);
        }
        expect(made === undefined).toBe(setsEqual(next, model.get(head)!));
        if (made) model.set(made.number, next);
      }
      for (const [number, expected] of model) {
        const units = await unitsAt(database.source.manager, { repositoryId, pinned: number });
        expect(new Set(units.map((unit) => unit.id))).toEqual(expected);
      }
    }
    const now = await unitsAt(database.source.manager, { repositoryId, pinned: null });
    expect(new Set(now.map((unit) => unit.id))).toEqual(model.get(Math.max(...model.keys())));
    const stored = await rowsOf<Record<'present' | 'added' | 'removed', object> & { number: number }>(
      database.source,
      'select number, present, added, removed from repository_version where repository_id = $1 order by number',
      [repositoryId],
    );
    const total = (counts: object) => Object.values(counts).reduce((sum: number, count: number) => sum + count, 0);
    let before = new Set<string>();
    for (const { number, present, added, removed } of stored) {
      const now = model.get(number)!;
      const without = (left: Set<string>, right: Set<string>) => [...left].filter((id) => !right.has(id)).length;
      expect([total(present), total(added), total(removed)]).toEqual([
        now.size,
        without(now, before),
        without(before, now),
      ]);
      before = now;
    }
  }, 120_000);

  it('are numbered without gaps or repeats when many writers race', async () => {
    const repositoryId = await makeRepository(database.source);
    const writers = Array.from({ length: 30 }, () =>
      transaction((tx) => applyChange(tx, repositoryId, { add: [{ id: newId(), kind: 'blob' }] })),
    );
    const numbers = (await Promise.all(writers)).map((version) => version!.number).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
  });

  it('beyond the retention are dropped, the newest stay whole', async () => {
    const repositoryId = await makeRepository(database.source, { retainRepoVersions: 2 });
    for (let at = 0; at < 5; at += 1)
      await transaction((tx) => applyChange(tx, repositoryId, { add: [{ id: newId(), kind: 'blob' }] }));
    const rows = await rowsOf<{ number: number }>(
      database.source,
      'select number from repository_version where repository_id = $1 order by 1',
      [repositoryId],
    );
    expect(rows.map((row) => row.number)).toEqual([4, 5]);
    expect(await unitsAt(database.source.manager, { repositoryId, pinned: 4 })).toHaveLength(4);
  });
});

group('a pushed manifest', () => {
  it('is staged until a tag reaches it, and an index of ten images is one version', async () => {
    const repositoryId = await makeRepository(database.source);
    const images = [];
    for (let at = 0; at < 10; at += 1) {
      const image = await transaction((tx) => makeImage(tx, repositoryId));
      const stored = await transaction((tx) => storeManifest(tx, { repositoryId, draft: image, tags: [] }));
      expect(stored.version).toBeUndefined();
      images.push(image);
    }
    expect(await findByDigest(database.source, { repositoryId, pinned: null }, images[0]!.digest)).toBeDefined();
    expect(await findByDigest(database.source, { repositoryId, pinned: 0 }, images[0]!.digest)).toBeUndefined();
    const index = makeIndex(images);
    const { version } = await transaction((tx) =>
      storeManifest(tx, { repositoryId, draft: index, tags: ['v1', 'latest'] }),
    );
    expect(version).toMatchObject({ number: 1, added: { manifest: 11, blob: 20, tag: 2 }, removed: {} });
    expect((await findByTag(database.source, { repositoryId, pinned: 1 }, 'latest'))?.digest).toBe(index.digest);
    expect(await rowsOf(database.source, 'select * from staged where repository_id = $1', [repositoryId])).toEqual([]);
  });

  it('makes no version when nothing changes', async () => {
    const repositoryId = await makeRepository(database.source);
    const image = await transaction((tx) => makeImage(tx, repositoryId));
    await transaction((tx) => storeManifest(tx, { repositoryId, draft: image, tags: ['a'] }));
    expect(
      (await transaction((tx) => storeManifest(tx, { repositoryId, draft: image, tags: ['a'] }))).version,
    ).toBeUndefined();
  });

  it('is refused while a blob is missing, wherever else the blob may be', async () => {
    const [there, here] = [await makeRepository(database.source), await makeRepository(database.source)];
    const image = await transaction((tx) => makeImage(tx, there));
    await expect(
      transaction((tx) => storeManifest(tx, { repositoryId: here, draft: image, tags: ['a'] })),
    ).rejects.toMatchObject({
      code: 'MANIFEST_BLOB_UNKNOWN',
    });
  });

  it('with a subject is in a version at once and listed as its referrer as of that version', async () => {
    const repositoryId = await makeRepository(database.source);
    const image = await transaction((tx) => makeImage(tx, repositoryId));
    await transaction((tx) => storeManifest(tx, { repositoryId, draft: image, tags: ['a'] }));
    const artifact = await transaction((tx) => makeImage(tx, repositoryId, { subject: image, artifactType: 'x/y' }));
    const { version } = await transaction((tx) => storeManifest(tx, { repositoryId, draft: artifact, tags: [] }));
    expect(version?.number).toBe(2);
    const referrers = async (pinned: number | null) =>
      (await findReferrers(database.source, { repositoryId, pinned }, image.digest)).referrers;
    expect(await referrers(1)).toEqual([]);
    expect(await referrers(null)).toMatchObject([{ digest: artifact.digest, artifactType: 'x/y' }]);
  });

  it('meets a condition on the tag or is refused', async () => {
    const repositoryId = await makeRepository(database.source);
    const image = await transaction((tx) => makeImage(tx, repositoryId));
    const push = (expected: string[] | null) =>
      transaction((tx) =>
        storeManifest(tx, { repositoryId, draft: image, tags: ['a'], conditions: [{ tag: 'a', expected }] }),
      );
    await expect(push([image.digest])).rejects.toMatchObject({ kind: 'precondition-failed' });
    await push(null);
    await expect(push(null)).rejects.toMatchObject({ kind: 'precondition-failed' });
  });
});

group('changes', () => {
  it('copy brings referrers and companions along, removal takes them away', async () => {
    const [from, to] = [await makeRepository(database.source), await makeRepository(database.source)];
    const image = await transaction((tx) => makeImage(tx, from));
    const other = await transaction((tx) => makeImage(tx, from));
    await transaction((tx) => storeManifest(tx, { repositoryId: from, draft: image, tags: ['a'] }));
    await transaction((tx) => storeManifest(tx, { repositoryId: from, draft: other, tags: ['b'] }));
    const referrer = await transaction((tx) => makeImage(tx, from, { subject: image, artifactType: 'x/y' }));
    await transaction((tx) => storeManifest(tx, { repositoryId: from, draft: referrer, tags: [] }));
    const companion = await transaction((tx) => makeImage(tx, from));
    const companionTag = `${image.digest.replace(':', '-')}.sig`;
    await transaction((tx) => storeManifest(tx, { repositoryId: from, draft: companion, tags: [companionTag] }));

    const units = await transaction((tx) =>
      selectForCopy(tx, { repositoryId: from, pinned: null }, { tagNames: ['a'] }),
    );
    const copied = await transaction((tx) => applyChange(tx, to, { add: units }));
    expect(copied?.added).toEqual({ tag: 2, manifest: 3, blob: 6 });
    const copies = await findReferrers(database.source, { repositoryId: to, pinned: null }, image.digest);
    expect(copies.referrers).toHaveLength(1);

    const [tag] = units.filter((unit) => unit.tagName === 'a');
    const removal = await transaction(async (tx) => selectForRemoval(tx, to, await findUnits(tx, [tag!.id])));
    const emptied = await transaction((tx) => applyChange(tx, to, { remove: removal }));
    expect(emptied?.present).toEqual({});
  });

  it('removal keeps what another tag or index still needs', async () => {
    const repositoryId = await makeRepository(database.source);
    const [one, two] = [
      await transaction((tx) => makeImage(tx, repositoryId)),
      await transaction((tx) => makeImage(tx, repositoryId)),
    ];
    for (const draft of [one, two]) await transaction((tx) => storeManifest(tx, { repositoryId, draft, tags: [] }));
    const index = makeIndex([one, two]);
    const { manifestId } = await transaction((tx) => storeManifest(tx, { repositoryId, draft: index, tags: ['list'] }));
    await transaction((tx) => tagImage(tx, repositoryId, 'one', one.digest));
    const removal = await transaction(async (tx) =>
      selectForRemoval(tx, repositoryId, await findUnits(tx, [manifestId])),
    );
    expect(removal).toEqual([]);
    await transaction((tx) => untagImage(tx, repositoryId, 'list'));
    const second = await transaction(async (tx) =>
      selectForRemoval(tx, repositoryId, await findUnits(tx, [manifestId])),
    );
    const version = await transaction((tx) => applyChange(tx, repositoryId, { remove: second }));
    expect(version?.present).toEqual({ tag: 1, manifest: 1, blob: 2 });
    await expect(transaction((tx) => untagImage(tx, repositoryId, 'list'))).rejects.toMatchObject({
      options: { field: 'tag' },
    });
  });
});

function setsEqual(a: Set<string>, b: Set<string>): boolean {
  return a.size === b.size && [...a].every((each) => b.has(each));
}
