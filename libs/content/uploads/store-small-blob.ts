import type { DataSource } from 'typeorm';
import type { Digest } from '#oci/digest.js';
import { batchesOf } from '#platform/batches.js';
import { inTransaction, preparedIn } from '#platform/database.js';
import { WITHOUT_FLUSH } from '#platform/durability.js';
import type { BlobStore } from '#storage/blob-store.js';
import { rememberBlob } from './recent-blobs.js';
import { stageBlobs } from './store-blob.js';
import type { UploadKey } from './upload-sessions.js';

/** A blob that is in memory as a whole, its digest checked. */
export interface SmallBlob {
  readonly repositoryId: string;
  readonly digest: Digest;
  readonly bytes: Buffer;
  /** The session that it came in, which has no other bytes. */
  readonly session?: UploadKey;
}

/**
 * Stores a blob and makes it readable in its repository; false, and nothing is stored, when its session does not stand
 * open and empty. The bytes are on the disk then; the row is when a manifest that names the blob is: until then a power
 * failure takes it back, and the blob is asked for again.
 */
export async function storeSmallBlob(source: DataSource, store: BlobStore, blob: SmallBlob): Promise<boolean> {
  const stored = await storeTogether(source, { ...blob, store });
  if (stored) rememberBlob(blob.repositoryId, blob.digest, blob.bytes);
  return stored;
}

type StoredSmall = SmallBlob & { readonly store: BlobStore };

/** Bytes are put in place and rows are made under the locks that hold off the collector. */
const storeTogether = batchesOf<StoredSmall, boolean>((source, blobs) =>
  inTransaction(source, async (tx) => {
    const [row] = await preparedIn<{ closed: string[] | null }>(
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
           (select count(pg_advisory_xact_lock_shared(hashtextextended(d.digest, 7246)))
            from (select distinct digest from wanted order by digest) d) as locks
         from early`,
      [
        blobs.map(({ digest }) => digest),
        blobs.map(({ bytes }) => bytes.length),
        blobs.map(({ session }) => session?.id ?? null),
        blobs.map(({ repositoryId }) => repositoryId),
        blobs.map(({ session }) => session?.principal ?? null),
      ],
    );
    const closed = new Set(row!.closed);
    const accepted = blobs.map(({ session, digest }) => !session || closed.has(`${session.id} ${digest}`));
    const stored = blobs.filter((_blob, at) => accepted[at]);
    const byDigest = new Map(stored.map((blob) => [blob.digest, blob]));
    await Promise.all([...byDigest.values()].map(({ store, digest, bytes }) => store.putBytes(digest, bytes)));
    if (stored.length > 0)
      await stageBlobs(
        tx,
        stored.map(({ repositoryId, digest, bytes }) => ({ repositoryId, digest, size: bytes.length })),
      );
    return accepted;
  }),
);
