import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandUnits, selectForCopy } from '#content/changes/recursive-add.js';
import { selectForRemoval } from '#content/changes/recursive-remove.js';
import { tagImage, untagImage } from '#content/changes/tag-image.js';
import { storeManifest } from '#content/push/store-manifest.js';
import { applyChange } from '#content/versions/apply-change.js';
import { deleteVersion, pruneVersions } from '#content/versions/delete-version.js';
import { rowsOf } from '#platform/database.js';
import { addManyTags } from '../../bench/grow-repository.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { makeImage, makeRepository } from './content-factory.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Rows and entries of indexes that a transaction read, wrote and changed, by PostgreSQL's own count: steadier than time. */
async function rowsTouched(work: (tx: EntityManager) => Promise<unknown>, where = database): Promise<number> {
  return where.source.transaction(async (tx) => {
    const before = await touchedSoFar(tx);
    await work(tx);
    return (await touchedSoFar(tx)) - before;
  });
}

async function touchedSoFar(tx: EntityManager): Promise<number> {
  const [row] = await rowsOf<{ touched: number }>(
    tx,
    `select ((select sum(seq_tup_read + n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_xact_user_tables)
       + (select sum(pg_stat_get_xact_tuples_returned(indexrelid)) from pg_stat_user_indexes))::int as touched`,
  );
  return row!.touched;
}

async function repositoryOf(tags: number): Promise<{ id: string; digest: string }> {
  const id = await makeRepository(database.source);
  const image = await database.source.transaction((tx) => makeImage(tx, id));
  await database.source.transaction((tx) => storeManifest(tx, { repositoryId: id, draft: image, tags: ['first'] }));
  const [row] = await rowsOf<{ name: string }>(database.source, 'select name from repository where id = $1', [id]);
  await addManyTags(database.source, row!.name, image.digest, tags);
  await database.source.query('vacuum analyze');
  return { id, digest: image.digest };
}

async function tagUnit(tx: EntityManager, id: string, name: string) {
  const [row] = await rowsOf<{ id: string }>(
    tx,
    'select unit_id as id from membership where repository_id = $1 and tag_name = $2 order by added_in desc limit 1',
    [id, name],
  );
  return { id: row!.id, kind: 'tag', tagName: name } as const;
}

describe('a new version', () => {
  it('costs what it changes: in a repository of 50,000 images that share layers at most twice what it costs in one of 100', async () => {
    const [small, large] = [await repositoryOf(100), await repositoryOf(50_000)];
    const other = await makeRepository(database.source);
    const works: Record<string, (id: string, digest: string) => (tx: EntityManager) => Promise<unknown>> = {
      tag: (id, digest) => (tx) => tagImage(tx, id, 'new', digest),
      untag: (id) => (tx) => untagImage(tx, id, 'new'),
      'remove an image': (id) => async (tx) => {
        const remove = await selectForRemoval(tx, id, [await tagUnit(tx, id, 'tag-7')]);
        expect(await applyChange(tx, id, { remove })).toMatchObject({ removed: { tag: 1, manifest: 1 } });
      },
      'add it again': (id) => async (tx) => {
        const add = await expandUnits(tx, [await tagUnit(tx, id, 'tag-7')]);
        expect(await applyChange(tx, id, { add })).toMatchObject({ added: { tag: 1, manifest: 1 } });
      },
      'copy a tag': (id) => async (tx) => {
        const add = await selectForCopy(tx, { repositoryId: id, pinned: 1 }, { tagNames: ['tag-9'] });
        expect(await applyChange(tx, other, { add })).toMatchObject({ added: { tag: 1, manifest: 1 } });
      },
      'delete a version': (id) => (tx) => deleteVersion(tx, id, 2),
      'delete the first ones': (id) => (tx) => pruneVersions(tx, id, 1),
      'tag where one version is kept': (id, digest) => async (tx) => {
        await tx.query('update repository set retain_repo_versions = 1 where id = $1', [id]);
        expect(await tagImage(tx, id, 'newest', digest)).toMatchObject({ added: { tag: 1 } });
        const versions = await rowsOf(tx, 'select 1 from repository_version where repository_id = $1', [id]);
        expect(versions).toHaveLength(1);
      },
    };
    for (const [name, work] of Object.entries(works)) {
      const few = await rowsTouched(work(small.id, small.digest));
      const many = await rowsTouched(work(large.id, large.digest));
      expect({ name, few: few > 0 }).toEqual({ name, few: true });
      expect(many, `${name}: ${few} rows in the small one, ${many} in the large one`).toBeLessThanOrEqual(2 * few);
    }
    const push = async (id: string) => {
      const image = await database.source.transaction((tx) => makeImage(tx, id));
      return rowsTouched((tx) => storeManifest(tx, { repositoryId: id, draft: image, tags: ['pushed'] }));
    };
    expect(await push(large.id)).toBeLessThanOrEqual(2 * (await push(small.id)));
  }, 180_000);

  it('costs what it changes while a repository grows in tables that nobody has analysed yet', async () => {
    const fresh = await createTestDatabase();
    try {
      const id = await makeRepository(fresh.source);
      const image = await fresh.source.transaction((tx) => makeImage(tx, id));
      const tag = (name: string) =>
        rowsTouched((tx) => storeManifest(tx, { repositoryId: id, draft: image, tags: [name] }), fresh);
      await tag('first');
      const few = await tag('few');
      for (let at = 0; at < 400; at += 1) await tag(`more-${at}`);
      // Plans are made anew, and nothing is known of the members of repositories.
      await fresh.source.query('analyze staged');
      expect(await tag('many')).toBeLessThanOrEqual(2 * few);
    } finally {
      await fresh.drop();
    }
  }, 180_000);
});
