import type { DataSource } from 'typeorm';
import { stage } from '#content/push/store-manifest.js';
import { closureOf } from '#content/versions/closure.js';
import { inTransaction, rowsOf } from '#platform/database.js';

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
