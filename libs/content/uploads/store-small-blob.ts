import type { DataSource } from 'typeorm';
import { batchesOf } from '#platform/batches.js';
import { again, listParameters, queryPrepared } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import type { CheckedBlob } from '#storage/checked-blob.js';
import { piecesOf } from './pieces.js';
import { rememberBlob } from './recent-blobs.js';
import { STAGE_FOUND_BLOBS } from './store-blob.js';
import type { UploadKey } from './upload-sessions.js';

/** A blob of at most `MOST_IN_ROW` bytes that is in memory as a whole, and where it goes. */
export interface SmallBlob {
  readonly repositoryId: string;
  readonly blob: CheckedBlob;
  /** The session that it came in, which has no other bytes. */
  readonly session?: UploadKey;
}

/**
 * Stores a blob in its row and makes it readable in its repository; false, and nothing is stored, when its session does not
 * stand open and empty, or was started too long ago.
 */
export async function storeSmallBlob(source: DataSource, small: SmallBlob): Promise<boolean> {
  if (small.session && !small.session.started) return false;
  const stored = await storeTogether(source, small);
  if (stored) rememberBlob(small.repositoryId, small.blob.digest, small.blob.bytes);
  return stored;
}

/** Part of a statement: holds the collector off from the digests of `wanted`, as `protectDigests` does. */
export const HELD = `held as materialized (
  select count(pg_advisory_xact_lock_shared(hashtextextended(d.digest, 7246)))
  from (select distinct digest from wanted order by digest) d)`;

/**
 * Parts of a statement that store the blobs of `accepted` (id, digest, size, repository_id) in their rows and stage them;
 * `bytes` is an expression over a row `a` of it. What is whole is not written again; a row whose bytes are in the store gets
 * them too, for nobody looks whether they are still there.
 */
export const storeAccepted = (bytes: string) => `stored as (
    insert into blob (id, digest, size, stored, bytes)
    select a.id, a.digest, a.size, true, ${bytes} from (select distinct on (digest) * from accepted order by digest) a
    on conflict (digest) do update set touched_at = now(), stored = true, size = excluded.size,
      bytes = case when octet_length(blob.bytes) = excluded.size then blob.bytes else excluded.bytes end
    returning id, digest),
  found as (select s.id, a.repository_id from stored s join accepted a on a.digest = s.digest),
  staying as (${STAGE_FOUND_BLOBS})`;

/**
 * One statement closes the sessions, which need no row until then, stores the bytes and stages the blobs, and is a
 * transaction of its own. Of several that close one session the first may; a row cannot be changed twice.
 */
const storeTogether = batchesOf<SmallBlob, boolean>(async (source, wanted) => {
  const { bytes, starts, sizes } = piecesOf(wanted.map(({ blob }) => blob.bytes));
  const rows = await again(() =>
    queryPrepared<{ at: number }>(
      source,
      'store-small-blobs',
      `with wanted as (
         select distinct on (coalesce(w.session_id, w.id)) w.*
         from unnest(${listParameters(2, 'int', 'int', 'text', 'uuid', 'uuid', 'uuid', 'text', 'text')})
           with ordinality as w(start, size, digest, id, repository_id, session_id, principal, algorithm, at)
         order by coalesce(w.session_id, w.id), w.at),
       ${HELD},
       closed as (
         insert into upload as u (id, repository_id, principal, algorithm, digest, "offset")
         select w.session_id, w.repository_id, w.principal, w.algorithm, w.digest, w.size from held, wanted w
         where w.session_id is not null
         on conflict (id) do update set digest = excluded.digest, "offset" = excluded."offset", touched_at = now()
         where u.repository_id = excluded.repository_id and u.principal = excluded.principal
           and u.digest is null and u."offset" = 0 and (u.lease_until is null or u.lease_until < now())
         returning u.id),
       accepted as materialized (
         select w.* from held, wanted w where w.session_id is null or w.session_id in (select c.id from closed c)),
       ${storeAccepted('substring($1::bytea from a.start for a.size)')}
       select at::int as at from accepted`,
      [
        bytes,
        starts,
        sizes,
        wanted.map(({ blob }) => blob.digest),
        wanted.map(() => newId()),
        wanted.map(({ repositoryId }) => repositoryId),
        wanted.map(({ session }) => session?.id ?? null),
        wanted.map(({ session }) => session?.principal ?? null),
        wanted.map(({ session }) => session?.started ?? null),
      ],
    ),
  );
  const stored = new Set(rows.map(({ at }) => at - 1));
  return wanted.map((_small, at) => stored.has(at));
});
