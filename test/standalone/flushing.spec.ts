import { join } from 'node:path';
import pg from 'pg';
import { expect, it } from 'vitest';
import { findEmbeddedPostgres } from '#platform/embedded-postgres.js';
import { startStandalone } from '../main-path/standalone-process.js';

/** Whether the server beside a standalone waits for the disk before it says that a commit is done. */
async function commitsWait(settings: Record<string, string>): Promise<unknown> {
  const hallmark = await startStandalone(settings);
  try {
    const client = new pg.Client(await findEmbeddedPostgres(join(hallmark.dataDir, 'postgres')));
    await client.connect();
    const { rows } = await client.query<{ synchronous_commit: string }>('show synchronous_commit');
    await client.end();
    return rows[0]?.synchronous_commit;
  } finally {
    await hallmark.stop();
  }
}

it('rows wait for the disk, unless HALLMARK_FSYNC=false gives that up', async () => {
  expect(await commitsWait({})).toBe('on');
  expect(await commitsWait({ HALLMARK_FSYNC: 'false' })).toBe('off');
});
