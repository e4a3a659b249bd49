import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tagImage, untagImage } from '#content/changes/tag-image.js';
import { storeManifest } from '#content/push/store-manifest.js';
import { deleteVersion } from '#content/versions/delete-version.js';
import { rowsOf } from '#platform/database.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { makeImage, makeRepository } from './content-factory.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Rows that a transaction read, wrote and changed, by PostgreSQL's own count: steadier than time. */
async function rowsTouched(work: (tx: EntityManager) => Promise<unknown>): Promise<number> {
  return database.source.transaction(async (tx) => {
    await work(tx);
    const [row] = await rowsOf<{ touched: number }>(
      tx,
      `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0) + n_tup_ins + n_tup_upd + n_tup_del)::int as touched
       from pg_stat_xact_user_tables`,
    );
    return row!.touched;
  });
}

async function repositoryOf(tags: number): Promise<{ id: string; digest: string }> {
  const id = await makeRepository(database.source);
  const image = await database.source.transaction((tx) => makeImage(tx, id));
  const { manifestId } = await database.source.transaction((tx) =>
    storeManifest(tx, { repositoryId: id, draft: image, tags: ['first'] }),
  );
  await database.source.query(
    `with made as (
       insert into tag (id, name, manifest_id)
       select gen_random_uuid(), 't' || $3 || '-' || n, $1 from generate_series(1, $2::int) n returning id, name)
     insert into membership (repository_id, unit_id, kind, tag_name, added_in) select $4, id, 'tag', name, 1 from made`,
    [manifestId, tags, id, id],
  );
  await database.source.query('analyze');
  return { id, digest: image.digest };
}

describe('a new version', () => {
  it('costs what it changes: in a repository of 100,000 tags at most twice what it costs in one of 100', async () => {
    const [small, large] = [await repositoryOf(100), await repositoryOf(100_000)];
    const works: Record<string, (id: string, digest: string) => (tx: EntityManager) => Promise<unknown>> = {
      tag: (id, digest) => (tx) => tagImage(tx, id, 'new', digest),
      untag: (id) => (tx) => untagImage(tx, id, 'new'),
      'delete a version': (id) => (tx) => deleteVersion(tx, id, 2),
    };
    for (const [name, work] of Object.entries(works)) {
      const few = await rowsTouched(work(small.id, small.digest));
      const many = await rowsTouched(work(large.id, large.digest));
      expect({ name, few: few > 0 }).toEqual({ name, few: true });
      expect(many, `${name}: ${few} rows with 100 tags, ${many} with 100,000`).toBeLessThanOrEqual(2 * few);
    }
    const push = async (id: string) => {
      const image = await database.source.transaction((tx) => makeImage(tx, id));
      return rowsTouched((tx) => storeManifest(tx, { repositoryId: id, draft: image, tags: ['pushed'] }));
    };
    expect(await push(large.id)).toBeLessThanOrEqual(2 * (await push(small.id)));
  }, 180_000);
});
