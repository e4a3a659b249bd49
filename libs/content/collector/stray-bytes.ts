import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction, rowsOf } from '#platform/database.js';
import type { BlobStore } from '#storage/blob-store.js';
import { claimDigest } from '../uploads/store-blob.js';

const BATCH = 500;

/** Removes bytes that have no row, under the lock of those who store them; false when there is a row again. */
export function removeBytes(source: DataSource, store: BlobStore, digest: string): Promise<boolean> {
  return inTransaction(source, async (tx) => {
    if (!(await claimDigest(tx, digest)) || (await isStored(tx, digest))) return false;
    await store.remove(digest);
    return true;
  });
}

async function isStored(tx: EntityManager, digest: string): Promise<boolean> {
  return (await rowsOf(tx, 'select 1 from blob where digest = $1 and stored', [digest])).length > 0;
}

/** Removes bytes that were stored before a time and that no row knows: what a crash left. A dry run only counts. */
export async function removeStrayBytes(
  source: DataSource,
  store: BlobStore,
  before: Date,
  options: { readonly dryRun?: boolean; readonly signal?: AbortSignal },
): Promise<number> {
  let total = 0;
  let page: string[] = [];
  const look = async () => {
    for (const digest of await withoutRow(source, page)) {
      options.signal?.throwIfAborted();
      if (options.dryRun || (await removeBytes(source, store, digest))) total += 1;
    }
    page = [];
  };
  for await (const { digest, storedAt } of store.list()) {
    options.signal?.throwIfAborted();
    if (storedAt < before) page.push(digest);
    if (page.length >= BATCH) await look();
  }
  await look();
  return total;
}

async function withoutRow(source: DataSource, digests: readonly string[]): Promise<string[]> {
  if (digests.length === 0) return [];
  const rows = await rowsOf<{ digest: string }>(
    source,
    `select d as digest from unnest($1::text[]) as d
     where not exists (select 1 from blob c where c.digest = d and c.stored)`,
    [digests],
  );
  return rows.map((row) => row.digest);
}
