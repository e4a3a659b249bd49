import type { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';

/** Forgets sign-ins of the browser that are over. */
export async function purgeSessions(source: DataSource): Promise<number> {
  return (await rowsOf(source, 'delete from session where expires_at < now() returning 1')).length;
}
