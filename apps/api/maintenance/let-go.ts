import type { DataSource } from 'typeorm';
import { claimDigest } from '#content/uploads/store-blob.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import type { BlobStore } from '#storage/blob-store.js';

/**
 * Drops the bytes of a blob that an upstream can give again: the next pull fetches them. False when no upstream is known, or
 * when somebody is storing that digest now; then nothing happens.
 */
export async function letGo(
  source: DataSource,
  store: BlobStore,
  blob: { readonly id: string; readonly digest: string },
): Promise<boolean> {
  return inTransaction(source, async (tx) => {
    if (!(await claimDigest(tx, blob.digest))) return false;
    const known = await rowsOf(tx, 'select 1 from remote_blob where blob_id = $1 limit 1', [blob.id]);
    if (known.length === 0) return false;
    await tx.query('update blob set stored = false, bytes = null, pulp_last_updated = now() where id = $1', [blob.id]);
    await store.remove(blob.digest);
    return true;
  });
}
