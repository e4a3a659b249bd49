import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { poolOf } from '#platform/database.js';
import { commitEarly, durable } from '#platform/durability.js';
import { createTestDatabase, type TestDatabase } from './database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

describe('flushing what was committed early', () => {
  it('is done for all who wait at the same time with a few commits', async () => {
    const query = vi.spyOn(poolOf(database.source), 'query');
    const made = Array.from({ length: 20 }, (_, at) =>
      database.source.transaction(async (tx) => {
        await commitEarly(tx);
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
