import type { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import type { BlobStore } from '#storage/blob-store.js';

const WEEK = 7 * 86_400;

/**
 * Drops sessions that nobody touched for `ttlSeconds` or that began `lifeSeconds` ago, with their bytes, and bytes whose
 * session is gone. Closed ones stay as long, for their ids would be taken again without a row. Returns how many open ones went.
 */
export async function purgeUploads(
  source: DataSource,
  store: BlobStore,
  ttlSeconds: number,
  lifeSeconds = WEEK,
): Promise<number> {
  const abandoned = await rowsOf<{ id: string }>(
    source,
    `with gone as (
       delete from upload where (touched_at < now() - $1 * interval '1 second'
           or pulp_created < now() - $2 * interval '1 second') and (lease_until is null or lease_until < now())
       returning id, digest)
     select id from gone where digest is null`,
    [ttlSeconds, lifeSeconds],
  );
  for (const { id } of abandoned) await store.staging(id).discard();
  const before = Date.now() - ttlSeconds * 1000;
  for await (const { uploadId, touchedAt } of store.listStaged())
    if (touchedAt.getTime() < before && !(await exists(source, uploadId))) await store.staging(uploadId).discard();
  return abandoned.length;
}

async function exists(source: DataSource, id: string): Promise<boolean> {
  const rows = await rowsOf<{ id: string }>(source, 'select id from upload where id = $1', [id]);
  return rows.length > 0;
}
