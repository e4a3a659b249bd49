import type { DataSource, EntityManager } from 'typeorm';
import type { DigestAlgorithm } from '#oci/digest.js';
import { batchesOf } from '#platform/batches.js';
import { preparedIn, queryPrepared, rowsOf } from '#platform/database.js';
import { DomainError, notFound } from '#platform/domain-error.js';
import { WITHOUT_FLUSH } from '#platform/durability.js';
import { isUuid } from '#platform/identifiers.js';
import type { UploadOwner } from './session-id.js';

/** Most open sessions of a principal that have rows, when nothing else is set. */
export const MOST_OPEN = 1_000;

/** An upload session as its owner sees it. */
export interface UploadSession {
  readonly id: string;
  readonly repositoryId: string;
  readonly algorithm: DigestAlgorithm;
  /** The digest it was closed with, {@link CANCELLED}, or null while it takes bytes. */
  readonly digest: string | null;
}

/** Stands for the digest of a session that ended without a blob. */
export const CANCELLED = '';

/** What a session is looked up by. */
export interface UploadKey extends UploadOwner {
  readonly id: string;
  /** The hash that it was started with, as long as it is open without a row too: the id says so. */
  readonly started?: DigestAlgorithm;
}

/** Gives a new session its row; throws TOOMANYREQUESTS when the principal has `most` open ones already, `others` without rows. */
export async function openUpload(
  source: DataSource,
  key: UploadKey,
  algorithm: DigestAlgorithm = 'sha256',
  most = MOST_OPEN,
  others = 0,
): Promise<void> {
  if (!(await openTogether(source, { ...key, algorithm, most: most - others }))) throw tooManyUploads(most);
}

/** SQL that is true when the principal of a row (`principal`, `most`, `rank` among his new ones) may have one more session. */
export const mayOpen = (row: string) =>
  `(select count(*) from (select 1 from upload o where o.principal = ${row}.principal and o.digest is null limit ${row}.most) o)
     + ${row}.rank <= ${row}.most`;

/** Those who begin at the same time share a statement; each counts the ones before him as open. */
const openTogether = batchesOf<UploadKey & { algorithm: DigestAlgorithm; most: number }, boolean>(
  async (source, wanted) => {
    const rows = await queryPrepared<{ id: string }>(
      source,
      'uploads-open',
      `with wanted as (
         select w.*, row_number() over (partition by w.principal order by w.at) as rank
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[]) with ordinality
           as w(id, repository_id, principal, algorithm, most, at))
       insert into upload (id, repository_id, principal, algorithm)
       select w.id, w.repository_id, w.principal, w.algorithm from wanted w, ${WITHOUT_FLUSH}
       where ${mayOpen('w')}
       on conflict (id) do nothing
       returning id`,
      [
        wanted.map(({ id }) => id),
        wanted.map(({ repositoryId }) => repositoryId),
        wanted.map(({ principal }) => principal),
        wanted.map(({ algorithm }) => algorithm),
        wanted.map(({ most }) => most),
      ],
    );
    const opened = new Set(rows.map(({ id }) => id));
    return wanted.map(({ id }) => opened.has(id));
  },
);

/** The session, closed ones included; throws BLOB_UPLOAD_UNKNOWN for those of other repositories and principals. */
export async function findUpload(source: DataSource, key: UploadKey): Promise<UploadSession> {
  const found = (await findRow(source, key)) ?? withoutRow(key);
  if (!found) throw uploadUnknown();
  return found;
}

/** {@link findUpload} for sessions that still take bytes. */
export async function findOpenUpload(source: DataSource, key: UploadKey): Promise<UploadSession> {
  return openOnly(await findUpload(source, key));
}

/**
 * {@link findUpload} for a request that brings or closes bytes: a session that was only started gets its row. Throws
 * TOOMANYREQUESTS when the principal has `most` others.
 */
export async function takeUpload(source: DataSource, key: UploadKey, most = MOST_OPEN): Promise<UploadSession> {
  const started = withoutRow(key);
  if (started && (await openTogether(source, { ...key, algorithm: started.algorithm, most }))) return started;
  const found = await findRow(source, key);
  if (!found) throw started ? tooManyUploads(most) : uploadUnknown();
  return found;
}

/** {@link takeUpload} for sessions that still take bytes. */
export async function takeOpenUpload(source: DataSource, key: UploadKey, most?: number): Promise<UploadSession> {
  return openOnly(await takeUpload(source, key, most));
}

const withoutRow = ({ id, repositoryId, started }: UploadKey): UploadSession | undefined =>
  started && { id, repositoryId, algorithm: started, digest: null };

async function findRow(source: DataSource, key: UploadKey): Promise<UploadSession | undefined> {
  if (!isUuid(key.id)) return undefined;
  const [row] = await queryPrepared<UploadSession>(
    source,
    'upload-by-key',
    `select id, repository_id as "repositoryId", algorithm, digest from upload
     where id = $1 and repository_id = $2 and principal = $3`,
    [key.id, key.repositoryId, key.principal],
  );
  return row;
}

function openOnly(session: UploadSession): UploadSession {
  if (session.digest !== null) throw uploadUnknown();
  return session;
}

/**
 * Closes the session that a transaction stores the blob of; its lease ends with it. Throws BLOB_UPLOAD_UNKNOWN when it was
 * cancelled meanwhile.
 */
export async function markClosed(tx: EntityManager, id: string, digest: string, size: number): Promise<void> {
  const closed = await preparedIn(
    tx,
    'upload-close',
    `update upload set digest = $2, "offset" = $3, touched_at = now(), lease_id = null, lease_until = null
     where id = $1 and digest is null returning 1`,
    [id, digest, size],
  );
  if (closed.length === 0) throw uploadUnknown();
}

/**
 * Ends a session without a blob; its bytes are the caller's to discard. A row says so as long as its id would be taken.
 * False when it had ended before.
 */
export async function cancelUpload(source: DataSource, { id, repositoryId, principal }: UploadKey): Promise<boolean> {
  const ended = await rowsOf(
    source,
    `insert into upload as u (id, repository_id, principal, digest) values ($1, $2, $3, $4)
     on conflict (id) do update set digest = excluded.digest, bytes = null, touched_at = now(), lease_until = null
     where u.repository_id = excluded.repository_id and u.principal = excluded.principal and u.digest is null
     returning u.id`,
    [id, repositoryId, principal, CANCELLED],
  );
  return ended.length > 0;
}

const tooManyUploads = (most: number) =>
  new DomainError(
    'throttled',
    'TOOMANYREQUESTS',
    `This account has ${most} unfinished uploads; finish or cancel some of them.`,
    { retryAfter: 60 },
  );

/** No such session for this caller in this repository. */
export const uploadUnknown = () =>
  notFound('There is no such upload here; start a new one with POST.', 'BLOB_UPLOAD_UNKNOWN');
