import { expect, it } from 'vitest';
import { createTestDatabase } from './database.js';

it('a test file gets a database of its own', async () => {
  const database = await createTestDatabase();
  expect(await database.source.query('select 1 as one')).toEqual([{ one: 1 }]);
  await database.drop();
});
