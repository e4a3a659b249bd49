import type { DataSource, EntityManager } from 'typeorm';
import type { DigestAlgorithm } from '#oci/digest.js';
import { batchesOf } from '#platform/batches.js';
import { preparedIn, queryPrepared } from '#platform/database.js';
import { DomainError, notFound } from '#platform/domain-error.js';
import { WITHOUT_FLUSH } from '#platform/durability.js';
import { isUuid, newId } from '#platform/identifiers.js';

const MOST_OPEN = 1_000;

/** An upload session as its owner sees it. */
export interface UploadSession {
  readonly id: string;
  readonly repositoryId: string;
  readonly algorithm: DigestAlgorithm;
  /** The digest it was closed with; null while it takes bytes. */
  readonly digest: string | null;
}

/** What a session is looked up by: its id is worth nothing in another repository or to somebody else. */
export interface UploadKey {
  readonly id: string;
  readonly repositoryId: string;
  readonly principal: string;
}

/** Starts a session; throws TOOMANYREQUESTS when the principal has `most` open ones already. */
export async function openUpload(
  source: DataSource,
  owner: Omit<UploadKey, 'id'>,
  algorithm: DigestAlgorithm = 'sha256',
  most = MOST_OPEN,
): Promise<string> {
  const id = newId();
  if (!(await openTogether(source, { ...owner, id, algorithm, most }))) throw tooManyUploads(most);
  return id;
}

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
       where (select count(*) from (select 1 from upload u where u.principal = w.principal and u.digest is null limit w.most) o)
         + w.rank <= w.most
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
  const [row] = isUuid(key.id)
    ? await queryPrepared<UploadSession>(
        source,
        'upload-by-key',
        `select id, repository_id as "repositoryId", algorithm, digest from upload
         where id = $1 and repository_id = $2 and principal = $3`,
        [key.id, key.repositoryId, key.principal],
      )
    : [];
  if (!row) throw uploadUnknown();
  return row;
}

/** {@link findUpload} for sessions that still take bytes. */
export async function findOpenUpload(source: DataSource, key: UploadKey): Promise<UploadSession> {
  const session = await findUpload(source, key);
  if (session.digest !== null) throw uploadUnknown();
  return session;
}

/** Closes the session that a transaction stores the blob of; its lease ends with it. */
export async function markClosed(tx: EntityManager, id: string, digest: string, size: number): Promise<void> {
  await preparedIn(
    tx,
    'upload-close',
    'update upload set digest = $2, "offset" = $3, touched_at = now(), lease_id = null, lease_until = null where id = $1',
    [id, digest, size],
  );
}

/** Forgets a session; its bytes are the caller's to discard. */
export async function deleteUpload(source: DataSource, id: string): Promise<void> {
  await source.query('delete from upload where id = $1', [id]);
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
