import type { DataSource, EntityManager } from 'typeorm';
import { stage } from '#content/push/store-manifest.js';
import { closureOf } from '#content/versions/closure.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';

/** A blob that is known here. */
export interface HeldBlob {
  readonly id: string;
  readonly size: number;
  readonly stored: boolean;
}

/** Blobs by digest that have rows, staged in the repository so that they stay. */
export function holdBlobs(source: DataSource, repositoryId: string, digests: string[]): Promise<Map<string, HeldBlob>> {
  return inTransaction(source, async (tx) => {
    const rows = await rowsOf<HeldBlob & { digest: string }>(
      tx,
      'select id, digest, size, stored from blob where digest = any($1::text[]) order by id for key share',
      [digests],
    );
    await stage(
      tx,
      repositoryId,
      rows.map(({ id }) => ({ id, kind: 'blob' })),
    );
    return new Map(rows.map((row) => [row.digest, row]));
  });
}

/**
 * Manifests that list no others and are here with all their blobs, which are stored or, for a remote that defers them,
 * known to be upstream. They are staged with their blobs, so that they stay.
 */
export function findWhole(
  source: DataSource,
  repositoryId: string,
  digests: string[],
  remoteId: string | undefined,
): Promise<Map<string, true>> {
  return inTransaction(source, async (tx) => {
    const rows = await rowsOf<{ id: string; digest: string }>(
      tx,
      `select c.id, c.digest from manifest c where c.digest = any($1::text[]) and c.type <> 'index'
         and not exists (select 1 from manifest_blob k join blob b on b.id = k.blob_id
           where k.manifest_id = c.id and not b.stored
             and not exists (select 1 from remote_blob r where r.blob_id = b.id and r.remote_id = $2::uuid))
       order by c.id for key share of c`,
      [digests, remoteId ?? null],
    );
    const closure = await closureOf(
      tx,
      rows.map((row) => row.id),
    );
    await stage(tx, repositoryId, closure);
    return new Map(rows.map((row) => [row.digest, true]));
  });
}

/** Rows of blobs, made or touched under the lock that holds off the collector. Ids by digest. */
export async function writeBlobs(
  tx: EntityManager,
  blobs: readonly { readonly digest: string; readonly size: number; readonly stored: boolean }[],
): Promise<Map<string, string>> {
  if (blobs.length === 0) return new Map();
  const sorted = [...blobs].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const digests = sorted.map(({ digest }) => digest);
  await tx.query(
    'select pg_advisory_xact_lock_shared(hashtextextended(d, 7246)) from unnest($1::text[]) with ordinality as w(d, n) order by n',
    [digests],
  );
  const rows = await rowsOf<{ id: string; digest: string }>(
    tx,
    `insert into blob (id, digest, size, stored) select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::boolean[])
     on conflict (digest) do update set touched_at = now(), stored = blob.stored or excluded.stored returning id, digest`,
    [digests.map(() => newId()), digests, sorted.map(({ size }) => size), sorted.map(({ stored }) => stored)],
  );
  return new Map(rows.map((row) => [row.digest, row.id]));
}
