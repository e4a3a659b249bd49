import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldTally } from '#content/maintenance/fold-tally.js';
import { contentTally } from '#content/types/content-tally.entity.js';
import { rowsOf } from '#platform/database.js';
import { CollectorWorld } from './collector-world.js';
import { makeRepository } from './content-factory.js';
import { brokenInvariants } from './invariants.js';

const TURNS = 120;

describe('the tally of content', () => {
  let world: CollectorWorld;
  beforeAll(async () => {
    world = await CollectorWorld.open();
    world.repositoryId = await makeRepository(world.source);
  });
  afterAll(() => world.close());

  const count = async (kind?: 'blob' | 'manifest' | 'tag' | 'signature') =>
    (await rowsOf<{ count: number }>(world.source, contentTally(kind)))[0]!.count;
  const state = async () => (await rowsOf<{ state: number }>(world.source, contentTally()))[0]!.state;
  const rows = async () => (await rowsOf(world.source, 'select 1 from content_tally')).length;

  it('says how much there is, of a kind and of all, after pushes and after the collector', async () => {
    const [one, two] = [await world.image(), await world.image()];
    await world.push(one, 'a');
    await world.push(two, 'b');
    await world.push(two, 'c');
    expect([await count('tag'), await count('manifest'), await count('blob'), await count('signature')]).toEqual([
      3, 2, 4, 0,
    ]);
    expect(await count()).toBe(9);
    await world.forget(two.digest);
    await world.run();
    expect([await count('tag'), await count('manifest'), await count('blob')]).toEqual([1, 1, 2]);
  });

  it('does not count what was rolled back', async () => {
    const before = await count();
    const draft = await world.image();
    const staged = (await count()) - before;
    const failed = world.transaction(async (tx) => {
      await tx.query(`insert into tag (id, name, manifest_id) select gen_random_uuid(), 'never', id from manifest`);
      throw new Error('rolled back');
    });
    await expect(failed).rejects.toThrow('rolled back');
    expect([await count(), staged, draft.parsed.layers.length]).toEqual([before + staged, 2, 1]);
  });

  it('is in another state after each change that is committed, in whatever order, and after no other', async () => {
    const before = await state();
    await world.source.query('update manifest set touched_at = now()');
    expect(await state()).toBe(before);
    await world.source.query(`update tag set pulp_labels = '{"a": "b"}'`);
    expect(await state()).toBe(before + 1);
    let early = 0;
    await world.transaction(async (tx) => {
      await tx.query(
        `insert into tag (id, name, manifest_id) select gen_random_uuid(), 'first', id from manifest limit 1`,
      );
      await world.source.query(`update tag set pulp_labels = '{}'`);
      early = await state();
    });
    expect([early, await state()]).toEqual([before + 2, before + 3]);
  });

  it('stays true while it is summed up beside writers, and gets short', async () => {
    const write = async () => {
      for (let turn = 0; turn < TURNS; turn++) {
        const [tag] = await rowsOf<{ id: string }>(
          world.source,
          `insert into tag (id, name, manifest_id) select gen_random_uuid(), gen_random_uuid()::text, id from manifest limit 1 returning id`,
        );
        if (turn % 3 === 0) await world.source.query('delete from tag where id = $1', [tag!.id]);
      }
    };
    const [before, written] = [await count('tag'), await state()];
    let writing = true;
    const fold = async () => {
      while (writing) await foldTally(world.source);
    };
    const folding = [fold(), fold()];
    await Promise.all([write(), write(), write()]);
    writing = false;
    await Promise.all(folding);
    expect(await count('tag')).toBe(before + (3 * TURNS * 2) / 3);
    expect(await state()).toBe(written + 3 * (TURNS + TURNS / 3));
    for (let turn = 0; turn < 2; turn++) await foldTally(world.source);
    expect(await rows()).toBeLessThanOrEqual(200);
    expect(await brokenInvariants(world.source, world.store)).toEqual([]);
  });
});
