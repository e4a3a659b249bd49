import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { stage } from '../push/store-manifest.js';

/**
 * Holds off the collector for a digest until the transaction ends. Bytes are put in place and rows are made under it;
 * the collector takes the same lock alone before it removes bytes.
 */
export async function protectDigest(tx: EntityManager, digest: string): Promise<void> {
  await tx.query('select pg_advisory_xact_lock_shared(hashtextextended($1, 7246))', [digest]);
}

/** {@link protectDigest} for many. */
export async function protectDigests(tx: EntityManager, digests: readonly string[]): Promise<void> {
  await tx.query(
    'select pg_advisory_xact_lock_shared(hashtextextended(d, 7246)) from (select d from unnest($1::text[]) d order by d) o',
    [digests],
  );
}

/** The collector's side of {@link protectDigest}; false when somebody is storing that digest now. */
export async function claimDigest(tx: EntityManager, digest: string): Promise<boolean> {
  const [row] = await rowsOf<{ got: boolean }>(
    tx,
    'select pg_try_advisory_xact_lock(hashtextextended($1, 7246)) as got',
    [digest],
  );
  return row!.got;
}

/** The row of a blob whose bytes are in the store. */
export async function insertBlob(tx: EntityManager, digest: string, size: number, stored = true): Promise<string> {
  const [row] = await rowsOf<{ id: string }>(
    tx,
    `insert into blob (id, digest, size, stored) values ($1, $2, $3, $4)
     on conflict (digest) do update set touched_at = now(), stored = blob.stored or excluded.stored returning id`,
    [newId(), digest, size, stored],
  );
  return row!.id;
}

/** Makes a stored blob readable in a repository: staged until a manifest takes it into a version. */
export async function stageBlob(
  tx: EntityManager,
  repositoryId: string,
  digest: string,
  size: number,
): Promise<string> {
  const id = await insertBlob(tx, digest, size);
  await stage(tx, repositoryId, [{ id, kind: 'blob' }]);
  return id;
}

/** {@link stageBlob} for many, each digest once. */
export async function stageBlobs(
  tx: EntityManager,
  repositoryId: string,
  blobs: readonly { readonly digest: string; readonly size: number }[],
): Promise<void> {
  const ordered = [...blobs].sort((one, other) => (one.digest < other.digest ? -1 : 1));
  const rows = await rowsOf<{ id: string }>(
    tx,
    `insert into blob (id, digest, size, stored) select b.id, b.digest, b.size, true
     from unnest($1::uuid[], $2::text[], $3::bigint[]) as b(id, digest, size)
     on conflict (digest) do update set touched_at = now(), stored = true returning id`,
    [ordered.map(() => newId()), ordered.map(({ digest }) => digest), ordered.map(({ size }) => size)],
  );
  const units = rows.map(({ id }) => ({ id, kind: 'blob' as const }));
  await stage(tx, repositoryId, units);
}
