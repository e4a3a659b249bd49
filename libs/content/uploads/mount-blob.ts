import type { DataSource } from 'typeorm';
import { inTransaction, rowsOf } from '#platform/database.js';
import { protectDigest } from './store-blob.js';
import { stage } from '../push/store-manifest.js';

const MOST_CANDIDATES = 100;

/** Base paths whose newest content has a blob, at most a hundred. Who may read which is the caller's to say. */
export async function pathsWithBlob(source: DataSource, digest: string, from?: string): Promise<string[]> {
  const rows = await rowsOf<{ path: string }>(
    source,
    `select d.base_path as path from blob b
     join lateral (
       select m.repository_id from membership m where m.unit_id = b.id and m.removed_in is null
       union select s.repository_id from staged s where s.unit_id = b.id) held on true
     join distribution d on d.repository_id = held.repository_id
     where b.digest = $1 and b.stored and ($2::text is null or d.base_path = $2) order by d.private, d.base_path limit $3`,
    [digest, from ?? null, MOST_CANDIDATES],
  );
  return rows.map((row) => row.path);
}

/** Makes a blob that is here already readable in a repository; false when it has gone meanwhile. */
export function mountBlob(source: DataSource, repositoryId: string, digest: string): Promise<boolean> {
  return inTransaction(source, async (tx) => {
    await protectDigest(tx, digest);
    const [row] = await rowsOf<{ id: string }>(
      tx,
      'update blob set touched_at = now() where digest = $1 and stored returning id',
      [digest],
    );
    if (row) await stage(tx, repositoryId, [{ id: row.id, kind: 'blob' }]);
    return row !== undefined;
  });
}
