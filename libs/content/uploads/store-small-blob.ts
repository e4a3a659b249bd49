import type { DataSource } from 'typeorm';
import { batchesOf } from '#platform/batches.js';
import { inTransaction, preparedIn } from '#platform/database.js';
import { WITHOUT_FLUSH } from '#platform/durability.js';
import type { BlobStore, PreparedBlob } from '#storage/blob-store.js';
import type { CheckedBlob } from '#storage/checked-blob.js';
import { rememberBlob } from './recent-blobs.js';
import { stageBlobs } from './store-blob.js';
import type { UploadKey } from './upload-sessions.js';

/** A blob that is in memory as a whole, and where it goes. */
export interface SmallBlob {
  readonly repositoryId: string;
  readonly blob: CheckedBlob;
  /** The session that it came in, which has no other bytes. */
  readonly session?: UploadKey;
}

/**
 * Stores a blob and makes it readable in its repository; false, and nothing is stored, when its session does not stand
 * open and empty. The bytes are on the disk then; the row is when a manifest that names the blob is: until then a power
 * failure takes it back, and the blob is asked for again.
 */
export async function storeSmallBlob(source: DataSource, store: BlobStore, small: SmallBlob): Promise<boolean> {
  // Before the transaction, in which all who come meanwhile would wait for the disk.
  const prepared = await store.prepare(small.blob);
  try {
    const stored = await storeTogether(source, { ...small, store, prepared });
    if (stored) rememberBlob(small.repositoryId, small.blob.digest, small.blob.bytes);
    return stored;
  } finally {
    await prepared.discard();
  }
}

interface PreparedSmall extends SmallBlob {
  readonly store: BlobStore;
  /** Undefined once it was used: what fails after that is done again, from the bytes. */
  prepared: PreparedBlob | undefined;
}

/** Bytes are put in their place and rows are made under the locks that hold off the collector. */
const storeTogether = batchesOf<PreparedSmall, boolean>((source, wanted) =>
  inTransaction(source, async (tx) => {
    const [row] = await preparedIn<{ closed: string[] | null; known: string[] | null }>(
      tx,
      'small-blobs-close',
      `with early as (select ${WITHOUT_FLUSH}),
         wanted as (
           select * from unnest($1::text[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[])
             as w(digest, size, id, repository_id, principal)),
         closed as (
           update upload u set digest = w.digest, "offset" = w.size, touched_at = now() from wanted w
           where u.id = w.id and u.repository_id = w.repository_id and u.principal is not distinct from w.principal
             and u.digest is null and u."offset" = 0 and (u.lease_until is null or u.lease_until < now())
           returning u.id || ' ' || u.digest as closing)
         select (select array_agg(closing) from closed) as closed,
           (select array_agg(b.digest) from blob b where b.digest = any($1::text[]) and b.stored) as known,
           (select count(pg_advisory_xact_lock_shared(hashtextextended(d.digest, 7246)))
            from (select distinct digest from wanted order by digest) d) as locks
         from early`,
      [
        wanted.map(({ blob }) => blob.digest),
        wanted.map(({ blob }) => blob.bytes.length),
        wanted.map(({ session }) => session?.id ?? null),
        wanted.map(({ repositoryId }) => repositoryId),
        wanted.map(({ session }) => session?.principal ?? null),
      ],
    );
    const closed = new Set(row!.closed);
    const accepted = wanted.map(({ session, blob }) => !session || closed.has(`${session.id} ${blob.digest}`));
    const stored = wanted.filter((_small, at) => accepted[at]);
    await placeMissing(stored, new Set(row!.known));
    if (stored.length > 0)
      await stageBlobs(
        tx,
        stored.map(({ repositoryId, blob }) => ({ repositoryId, digest: blob.digest, size: blob.bytes.length })),
      );
    return accepted;
  }),
);

/** Puts in place what is not there. Only a blob that had a row is looked for: it may lack its bytes all the same. */
async function placeMissing(smalls: readonly PreparedSmall[], known: ReadonlySet<string>): Promise<void> {
  for (const store of new Set(smalls.map((small) => small.store))) {
    const blobs = new Map(smalls.flatMap((small) => (small.store === store ? [[small.blob.digest, small]] : [])));
    const looked = [...blobs.values()].map(async (small) => {
      const { digest, bytes } = small.blob;
      const isThere = known.has(digest) && (await store.size(digest)) === bytes.length;
      return isThere ? [] : [small];
    });
    const missing = (await Promise.all(looked)).flat();
    const prepared = missing.flatMap((small) => small.prepared ?? []);
    const again = missing.filter((small) => !small.prepared).map(({ blob }) => blob);
    for (const small of missing) small.prepared = undefined;
    if (prepared.length > 0) await store.placeAll(prepared);
    if (again.length > 0) await store.putAll(again);
  }
}
