import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction, rowsOf } from '#platform/database.js';
import type { BlobStore } from '#storage/blob-store.js';
import { claimDigests } from '../uploads/store-blob.js';
import type { Pace } from './pace.js';

const BATCH = 500;

/** Bytes that go in one transaction: few, for whoever stores one of them again waits for all. */
const TOGETHER = 20;

/**
 * Removes bytes that have no row, under the locks of those who store them; gives what is gone, which is not what has a row
 * again.
 */
export async function removeBytes(
  source: DataSource,
  store: BlobStore,
  digests: readonly string[],
  pace: Pace,
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  for (let at = 0; at < digests.length; at += TOGETHER) {
    const some = digests.slice(at, at + TOGETHER);
    await pace.piece(() =>
      inTransaction(source, async (tx) => {
        for (const digest of await withoutRow(tx, [...(await claimDigests(tx, some))])) {
          await store.remove(digest);
          gone.add(digest);
        }
      }),
    );
  }
  return gone;
}

/** Removes bytes that were stored before a time and that no row knows: what a crash left. A dry run only counts. */
export async function removeStrayBytes(
  source: DataSource,
  store: BlobStore,
  before: Date,
  options: { readonly dryRun?: boolean; readonly signal?: AbortSignal },
  pace: Pace,
): Promise<number> {
  let total = 0;
  let page: string[] = [];
  const look = async () => {
    const stray = await withoutRow(source, page);
    total += options.dryRun ? stray.length : (await removeBytes(source, store, stray, pace)).size;
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

async function withoutRow(source: DataSource | EntityManager, digests: readonly string[]): Promise<string[]> {
  if (digests.length === 0) return [];
  const rows = await rowsOf<{ digest: string }>(
    source,
    `select d as digest from unnest($1::text[]) as d
     where not exists (select 1 from blob c where c.digest = d and c.stored)`,
    [digests],
  );
  return rows.map((row) => row.digest);
}
