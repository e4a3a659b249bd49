import type { EntityManager } from 'typeorm';
import { ONE_BY_ONE, preparedIn, rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';

/**
 * Holds off the collector for a digest until the transaction ends. Bytes are put in place and rows are made under it;
 * the collector takes the same lock alone before it removes bytes.
 */
export async function protectDigest(tx: EntityManager, digest: string): Promise<void> {
  const text = 'select pg_advisory_xact_lock_shared(hashtextextended($1, 7246))';
  await preparedIn(tx, 'protect-digest', text, [digest]);
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
  return (await claimDigests(tx, [digest])).has(digest);
}

/** {@link claimDigest} for many: those that nobody is storing now. */
export async function claimDigests(tx: EntityManager, digests: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await rowsOf<{ digest: string }>(
    tx,
    'select d as digest from unnest($1::text[]) d where pg_try_advisory_xact_lock(hashtextextended(d, 7246))',
    [digests],
  );
  return new Set(rows.map(({ digest }) => digest));
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

/** A stored blob and the repository that shall have it. */
export interface StagedBlob {
  readonly repositoryId: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Part of a statement: blobs of `found` (id, repository_id) wait in the staging of their repository, unless its newest
 * version has them.
 */
export const STAGE_FOUND_BLOBS = `insert into staged (repository_id, unit_id, kind)
  select distinct f.repository_id, f.id, 'blob' from found f
  where not exists (select 1 from membership m
    where m.repository_id = f.repository_id and m.unit_id = f.id and m.removed_in is null ${ONE_BY_ONE})
  order by f.repository_id, f.id
  on conflict (repository_id, unit_id) do update set since = now()`;

/** Makes stored blobs readable in their repositories: staged until a manifest takes them into a version. */
export async function stageBlobs(tx: EntityManager, blobs: readonly StagedBlob[]): Promise<void> {
  await preparedIn(
    tx,
    'stage-blobs',
    `with wanted as (select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::uuid[]) as w(id, digest, size, repository_id)),
     stored as (
       insert into blob (id, digest, size, stored) select distinct on (digest) id, digest, size, true from wanted order by digest
       on conflict (digest) do update set touched_at = now(), stored = true, size = excluded.size returning id, digest),
     found as (select s.id, w.repository_id from stored s join wanted w on w.digest = s.digest)
     ${STAGE_FOUND_BLOBS}`,
    [
      blobs.map(() => newId()),
      blobs.map(({ digest }) => digest),
      blobs.map(({ size }) => size),
      blobs.map(({ repositoryId }) => repositoryId),
    ],
  );
}
