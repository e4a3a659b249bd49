import type { EntityManager } from 'typeorm';
import { preparedIn, rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { stage } from '../push/store-manifest.js';

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

/** Part of a statement: the blob in `found` waits in the staging of the repository `$1`, unless the version has it. */
export const STAGE_FOUND_BLOB = `insert into staged (repository_id, unit_id, kind) select $1::uuid, f.id, 'blob' from found f
  where not exists (select 1 from membership m where m.repository_id = $1::uuid and m.unit_id = f.id and m.removed_in is null)
  on conflict (repository_id, unit_id) do update set since = now()`;

const STAGE_BLOB = `with found as (
    insert into blob (id, digest, size, stored) values ($3::uuid, $2::text, $4::bigint, true)
    on conflict (digest) do update set touched_at = now(), stored = true returning id),
  staying as (${STAGE_FOUND_BLOB})
  select id from found`;

/** Makes a stored blob readable in a repository: staged until a manifest takes it into a version. */
export async function stageBlob(
  tx: EntityManager,
  repositoryId: string,
  digest: string,
  size: number,
): Promise<string> {
  const [row] = await preparedIn<{ id: string }>(tx, 'stage-blob', STAGE_BLOB, [repositoryId, digest, newId(), size]);
  return row!.id;
}

/** {@link stageBlob} for the blob of an upload session, which it closes; the lease ends with it. */
export async function stageUploaded(
  tx: EntityManager,
  upload: { readonly id: string; readonly repositoryId: string },
  digest: string,
  size: number,
): Promise<void> {
  await preparedIn(
    tx,
    'stage-uploaded',
    `with closed as (
       update upload set digest = $2, "offset" = $4, touched_at = now(), lease_id = null, lease_until = null where id = $5),
     ${STAGE_BLOB.slice('with '.length)}`,
    [upload.repositoryId, digest, newId(), size, upload.id],
  );
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
