import { Readable } from 'node:stream';
import type { DataSource } from 'typeorm';
import type { Digest } from '#oci/digest.js';
import { batchesOf } from '#platform/batches.js';
import { again, listParameters, queryPrepared } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import type { StagedBytes } from '#storage/blob-store.js';
import { piecesOf } from './pieces.js';
import { HELD, storeAccepted } from './store-small-blob.js';
import { mayOpen, MOST_OPEN, type UploadKey } from './upload-sessions.js';

/**
 * A small first chunk is kept in the row of its session: most clients send a small blob as one chunk and close the session
 * then, which stores the blob without a file. Whatever else comes moves it to where the bytes of sessions are, by
 * {@link moveToStore}. False when the session is not open, or when anybody has written to it: of a request that broke off,
 * or whose process was killed, there may be bytes that its row knows nothing of.
 */
export async function keepInSession(
  source: DataSource,
  { started, ...session }: UploadKey,
  bytes: Buffer,
  most = MOST_OPEN,
): Promise<boolean> {
  return started !== undefined && keepTogether(source, { ...session, started, bytes, most, writer: newId() });
}

interface FirstChunk extends Required<UploadKey> {
  readonly bytes: Buffer;
  /** Most open sessions of the principal. */
  readonly most: number;
  /** The request. */
  readonly writer: string;
}

/**
 * A batch whose connection broke is done again, also when it had been committed: who wrote says that it was this one. Of
 * several for one session the first is kept; a row cannot be changed twice.
 */
const keepTogether = batchesOf<FirstChunk, boolean>(async (source, wanted) => {
  const { bytes, starts, sizes } = piecesOf(wanted.map((each) => each.bytes));
  const rows = await queryPrepared<{ writer: string }>(
    source,
    'keep-in-sessions',
    `with wanted as (
       select w.*, row_number() over (partition by w.principal order by w.at) as rank
       from (
         select distinct on (w.id) w.*
         from unnest(${listParameters(2, 'int', 'int', 'uuid', 'uuid', 'text', 'text', 'int', 'uuid')})
           with ordinality as w(start, size, id, repository_id, principal, algorithm, most, writer, at)
         order by w.id, w.at) w)
     insert into upload as u (id, repository_id, principal, algorithm, bytes, "offset", lease_id)
     select w.id, w.repository_id, w.principal, w.algorithm, substring($1::bytea from w.start for w.size), w.size, w.writer
     from wanted w where ${mayOpen('w')}
     on conflict (id) do update set bytes = excluded.bytes, "offset" = excluded."offset", lease_id = excluded.lease_id,
       touched_at = now()
     where u.repository_id = excluded.repository_id and u.principal = excluded.principal
       and u.digest is null and (u."offset" = 0 and u.lease_id is null or u.lease_id = excluded.lease_id)
     returning lease_id as writer`,
    [
      bytes,
      starts,
      sizes,
      wanted.map(({ id }) => id),
      wanted.map(({ repositoryId }) => repositoryId),
      wanted.map(({ principal }) => principal),
      wanted.map(({ started }) => started),
      wanted.map(({ most }) => most),
      wanted.map(({ writer }) => writer),
    ],
  );
  const kept = new Set(rows.map(({ writer }) => writer));
  return wanted.map(({ writer }) => kept.has(writer));
});

/**
 * Closes a session that keeps its bytes in its row: they become the blob and are readable in its repository. False, and
 * nothing is changed, when the session is not open, keeps no bytes, or they have another digest.
 */
export function storeFromSession(source: DataSource, session: UploadKey, digest: Digest): Promise<boolean> {
  return storeTogether(source, { ...session, digest });
}

const storeTogether = batchesOf<UploadKey & { readonly digest: Digest }, boolean>(async (source, wanted) => {
  const rows = await again(() =>
    queryPrepared<{ at: number }>(
      source,
      'store-from-sessions',
      `with wanted as (
         select * from unnest(${listParameters(1, 'text', 'uuid', 'uuid', 'uuid', 'text')})
           with ordinality as w(digest, id, repository_id, session_id, principal, at)),
       ${HELD},
       closed as (
         update upload u set digest = w.digest, bytes = null, touched_at = now() from held, wanted w
         where u.id = w.session_id and u.repository_id = w.repository_id and u.principal = w.principal
           and u.digest is null and (u.lease_until is null or u.lease_until < now()) and u.bytes is not null
           and w.digest = case when w.digest like 'sha512:%' then 'sha512:' || encode(sha512(u.bytes), 'hex')
             else 'sha256:' || encode(sha256(u.bytes), 'hex') end
         returning w.at, u."offset" as size),
       accepted as materialized (select w.*, c.size from wanted w join closed c on c.at = w.at),
       ${storeAccepted(KEPT)}
       select at::int as at from accepted`,
      [
        wanted.map(({ digest }) => digest),
        wanted.map(() => newId()),
        wanted.map(({ repositoryId }) => repositoryId),
        wanted.map(({ id }) => id),
        wanted.map(({ principal }) => principal),
      ],
    ),
  );
  const stored = new Set(rows.map(({ at }) => at - 1));
  return wanted.map((_session, at) => stored.has(at));
});

/** A statement does not see what it changes: the bytes are still there. They are only ever kept once in a session. */
const KEPT = '(select u.bytes from upload u where u.id = a.session_id)';

/**
 * Moves bytes that the row of a session keeps to where those of larger ones are; under its lease. What is there already was
 * moved by a process that was killed half-way, or by one that was faster and may have added to it: it stays.
 */
export async function moveToStore(
  source: DataSource,
  sessionId: string,
  bytes: Buffer,
  staged: StagedBytes,
): Promise<void> {
  const moved = await staged.offset();
  if (moved < bytes.length) await staged.append(moved, Readable.from([bytes.subarray(moved)], { objectMode: false }));
  await source.query('update upload set bytes = null where id = $1', [sessionId]);
}

/** How many bytes the row of a session keeps; undefined when it keeps none. */
export async function sizeInSession(source: DataSource, sessionId: string): Promise<number | undefined> {
  const text = 'select octet_length(bytes) as size from upload where id = $1 and bytes is not null';
  const [row] = await queryPrepared<{ size: number }>(source, 'size-in-session', text, [sessionId]);
  return row?.size;
}
