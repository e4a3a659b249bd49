import pg from 'pg';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { poolOf, preparedIn } from '#platform/database.js';
import { commitEarly, durable } from '#platform/durability.js';
import { createTestDatabase, type TestDatabase } from './database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

describe('a transaction that commits early', () => {
  const insert = (tx: EntityManager, name: string) =>
    tx.query('insert into namespace (id, name) values (gen_random_uuid(), $1)', [name]);
  const named = async (name: string) =>
    (await database.source.query('select 1 from namespace where name = $1', [name])).length;

  it('is one whole, also when its statements are not waited for', async () => {
    await commitEarly(database.source, (tx) => Promise.all([insert(tx, 'at'), insert(tx, 'once')]));
    expect([await named('at'), await named('once')]).toEqual([1, 1]);
    const broken = commitEarly(database.source, (tx) =>
      Promise.all([insert(tx, 'lost'), insert(tx, 'at'), insert(tx, 'too')]),
    );
    await expect(broken).rejects.toThrow('duplicate key');
    expect([await named('lost'), await named('too')]).toEqual([0, 0]);
  });

  it('does not say that it stored what a failed statement that nobody looked at took back', async () => {
    const broken = commitEarly(database.source, async (tx) => {
      await insert(tx, 'unseen');
      await insert(tx, 'unseen').catch(() => undefined);
    });
    await expect(broken).rejects.toThrow('nothing was stored');
    expect(await named('unseen')).toBe(0);
  });

  it('lets nothing run on its connection once it has given it back', async () => {
    let left: EntityManager;
    await commitEarly(database.source, async (tx) => {
      await insert(tx, 'in-time');
      left = tx;
    });
    const late = `insert into namespace (id, name) values (gen_random_uuid(), 'late') returning 1`;
    await expect(preparedIn(left!, 'too-late', late, [])).rejects.toThrow('released');
    expect(await named('late')).toBe(0);
  });

  it('stores nothing when its beginning fails', async () => {
    const query = pg.Client.prototype.query as (...words: unknown[]) => unknown;
    const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (
      this: pg.Client,
      ...words: unknown[]
    ) {
      const begins = typeof words[0] === 'string' && words[0].startsWith('START');
      return query.apply(this, begins ? ['select of nothing'] : words);
    });
    const failed = commitEarly(database.source, async (tx) => {
      await tx.query('select 1');
      await insert(tx, 'outside');
    });
    await expect(failed).rejects.toThrow();
    spy.mockRestore();
    expect(await named('outside')).toBe(0);
    await commitEarly(database.source, (tx) => insert(tx, 'afterwards'));
    expect(await named('afterwards')).toBe(1);
  });
});

describe('flushing what was committed early', () => {
  it('is done for all who wait at the same time with a few commits', async () => {
    const query = vi.spyOn(poolOf(database.source), 'query');
    const made = Array.from({ length: 20 }, (_, at) =>
      commitEarly(database.source, async (tx) => {
        await tx.query('insert into namespace (id, name) values (gen_random_uuid(), $1)', [`early-${at}`]);
      }),
    );
    await Promise.all(made);
    query.mockClear();
    await Promise.all(made.map(() => durable(database.source)));
    expect(query.mock.calls.length).toBeGreaterThan(0);
    expect(query.mock.calls.length).toBeLessThanOrEqual(2);
    query.mockRestore();
    const [row] = await database.source.query(`select count(*)::int as n from namespace where name like 'early-%'`);
    expect(row.n).toBe(20);
  });

  it('fails for those who wait when the database is away, and works again afterwards', async () => {
    const query = vi.spyOn(poolOf(database.source), 'query').mockImplementationOnce(() => {
      throw new Error('away');
    });
    await expect(durable(database.source)).rejects.toThrow('away');
    query.mockRestore();
    await expect(durable(database.source)).resolves.toBeUndefined();
  });
});
