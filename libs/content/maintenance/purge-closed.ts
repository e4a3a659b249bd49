import type { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';

/** Forgets uploads that were closed more than `seconds` ago; until then a repeated close is answered like the first. */
export async function purgeClosedUploads(source: DataSource, seconds: number): Promise<number> {
  const rows = await rowsOf(
    source,
    `delete from upload where digest is not null and touched_at < now() - $1 * interval '1 second'
       and (lease_until is null or lease_until < now()) returning id`,
    [seconds],
  );
  return rows.length;
}

/** Forgets sign-ins of the browser that are over. */
export async function purgeSessions(source: DataSource): Promise<number> {
  return (await rowsOf(source, 'delete from session where expires_at < now() returning 1')).length;
}
