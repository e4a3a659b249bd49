import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction, rowsOf } from '#platform/database.js';
import { touchRepository } from '../versions/apply-change.js';

const BATCH = 500;

/** Staged for longer than the grace, and no staged manifest of the repository needs it; pieces of files stay as long as their upload. */
const FORGOTTEN = `s.since < now() - $1 * interval '1 second' and (
  s.kind = 'blob' and not exists (
    select 1 from manifest_blob b join staged m on m.unit_id = b.manifest_id
    where b.blob_id = s.unit_id and m.repository_id = s.repository_id)
    and not exists (select 1 from chunked_upload u where u.id = s.repository_id)
  or s.kind = 'signature' and not exists (
    select 1 from signature g join manifest c on c.digest = g.manifest_digest join staged m on m.unit_id = c.id
    where g.id = s.unit_id and m.repository_id = s.repository_id))`;

/**
 * Takes blobs and signatures that no manifest came for in `graceSeconds` out of the staging, so that the collector may
 * have them. What a push holds now stays. Returns how many units left.
 */
export async function dropForgotten(source: DataSource, graceSeconds: number, signal?: AbortSignal): Promise<number> {
  let dropped = 0;
  for (let more = true; more;) {
    signal?.throwIfAborted();
    const count = await inTransaction(source, (tx) => dropSome(tx, graceSeconds));
    dropped += count;
    more = count > 0;
  }
  return dropped;
}

async function dropSome(tx: EntityManager, graceSeconds: number): Promise<number> {
  const found = await rowsOf<{ id: string }>(
    tx,
    `select s.unit_id as id from staged s where ${FORGOTTEN} order by s.unit_id limit ${BATCH}`,
    [graceSeconds],
  );
  const ids = found.map((row) => row.id);
  if (ids.length === 0) return 0;
  // A push holds the rows of the blobs that its manifest names.
  const locked = await rowsOf<{ id: string }>(
    tx,
    `select c.id from blob c where c.id = any($1::uuid[]) order by c.id for update skip locked`,
    [ids],
  );
  const dropped = await rowsOf<{ repositoryId: string; kind: string }>(
    tx,
    `delete from staged s where s.unit_id = any($2::uuid[]) and (s.kind <> 'blob' or s.unit_id = any($3::uuid[]))
       and ${FORGOTTEN} returning s.repository_id as "repositoryId", s.kind`,
    [graceSeconds, ids, locked.map((row) => row.id)],
  );
  const visible = new Set(dropped.filter(({ kind }) => kind !== 'blob').map(({ repositoryId }) => repositoryId));
  for (const repositoryId of [...visible].toSorted()) await touchRepository(tx, repositoryId);
  return dropped.length;
}
