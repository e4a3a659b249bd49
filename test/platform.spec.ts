import { expect, it, vi } from 'vitest';
import { poolOf } from '#platform/database.js';
import { createTestDatabase } from './database.js';

it('a test file gets a database of its own', async () => {
  const database = await createTestDatabase();
  expect(await database.source.query('select 1 as one')).toEqual([{ one: 1 }]);
  await database.drop();
});

it('connections that nobody needs are closed, but for a few that the next one who comes finds open', async () => {
  const database = await createTestDatabase();
  const pool = poolOf(database.source);
  const clients = await Promise.all(Array.from({ length: 7 }, () => pool.connect()));
  pool.options.idleTimeoutMillis = 1;
  for (const client of clients) client.release();
  await vi.waitFor(() => expect(pool.totalCount).toBeLessThan(7));
  await new Promise((done) => setTimeout(done, 50));
  expect(pool.totalCount).toBe(4);
  await database.drop();
});
