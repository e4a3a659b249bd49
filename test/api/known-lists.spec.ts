import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldTally } from '#content/maintenance/fold-tally.js';
import { rowsOf } from '#platform/database.js';
import { addManyTags } from '../../bench/grow-repository.js';
import { ROOT, startApi, type ApiProcess } from './api-process.js';
import { storeImage, type StoredImage } from './stored-content.js';

/** More than are kept as they are, so that counts and keys in order are what is kept. */
const TAGS = 3_000;
const MIDDLE = 1_400;

/** Lists and the same in SQL. */
const LISTS: Record<string, string> = {
  'name__contains=g': `name like '%g%'`,
  'name__regex=g-1': `name ~ 'g-1'`,
  'name__regex=g-77.$': `name ~ 'g-77.$'`,
  'pulp_label_select=!stage': `not pulp_labels ? 'stage'`,
  'pulp_label_select=stage': `pulp_labels ? 'stage'`,
  [`offset=${MIDDLE}`]: 'true',
  [`name__contains=g&offset=${MIDDLE}`]: `name like '%g%'`,
};

describe('lists that are known', () => {
  let api: ApiProcess;
  let image: StoredImage;
  beforeAll(async () => {
    api = await startApi();
    image = await storeImage(api, 'known');
    await addManyTags(api.source, 'known', image.digest, TAGS);
  });
  afterAll(() => api.close());

  const list = (query: string) => api.get(`${ROOT}/content/container/tags/?limit=10&${query}`);

  /** Each list shows what the database holds now, asked for the first and for the fifth time. */
  async function expectTrue(): Promise<void> {
    for (const [query, condition] of Object.entries(LISTS)) {
      const truth = await rowsOf<{ name: string }>(
        api.source,
        `select name from tag where ${condition} order by id desc`,
      );
      const offset = Number(/offset=(\d+)/.exec(query)?.[1] ?? 0);
      const expected = { count: truth.length, names: truth.slice(offset, offset + 10).map(({ name }) => name) };
      for (let turn = 0; turn < 5; turn++) {
        const { body } = await list(query);
        const names = (body['results'] as { name: string }[]).map(({ name }) => name);
        expect({ count: body['count'] as number, names }, `${query}, time ${turn + 1}`).toEqual(expected);
      }
    }
  }

  const addTag = `insert into tag (id, name, manifest_id) select uuidv7(), $1, id from manifest limit 1`;

  it('show what was added, taken away and labelled by others as soon as that is committed', async () => {
    await expectTrue();
    await api.source.query(addTag, ['tag-1-added']);
    await expectTrue();
    await api.source.query(`delete from tag where name = 'tag-1-added' or name = 'tag-1500'`);
    await expectTrue();
    await api.source.query(`update tag set pulp_labels = '{"stage": "x"}' where name like '%7%'`);
    await expectTrue();
  });

  it('show what one transaction takes away and puts in its place, though there are as many', async () => {
    await api.source.transaction(async (tx) => {
      await tx.query(`delete from tag where name = 'tag-20'`);
      await tx.query(addTag, ['other']);
    });
    await expectTrue();
  });

  it('show what was written before they were looked at and committed after, also when the tally was summed up between', async () => {
    await api.source.transaction(async (tx) => {
      await tx.query(addTag, ['tag-late']);
      for (let turn = 0; turn < 210; turn++)
        await api.source.query('update tag set pulp_labels = pulp_labels where false');
      await foldTally(api.source);
      await expectTrue();
    });
    await expectTrue();
  });

  it('of a version show its content, whatever comes to others', async () => {
    const of = `repository_version=${image.href}versions/1/&name__contains=g`;
    const ask = async () => (await list(of)).body['count'] as number;
    const held = await ask();
    for (let turn = 0; turn < 4; turn++) expect(await ask()).toBe(held);
    const added = { tag: 'tagged-g', digest: image.digest };
    await api.finished(await api.request('POST', `${image.href}tag/`, added));
    expect(await ask()).toBe(held);
    expect((await list(of.replace('versions/1/', 'versions/2/'))).body['count']).toBe(held + 1);
  });

  it('are not kept for those who see only some of what there is', async () => {
    await api.request('POST', `${ROOT}/users/`, { username: 'guest', password: 'correct horse battery staple' });
    const seen = async () => (await api.get(`${ROOT}/content/container/tags/?name__contains=g`, { as: 'guest' })).body;
    for (let turn = 0; turn < 3; turn++) expect((await seen())['count']).toBe(0);
    const body = { name: 'open', base_path: 'open', repository: image.href };
    await api.finished(await api.request('POST', `${ROOT}/distributions/container/container/`, body));
    expect((await seen())['count']).toBeGreaterThan(TAGS / 2);
  });
});
