import type { DataSource } from 'typeorm';
import type { DigestAlgorithm } from '#oci/digest.js';
import { queryPrepared } from '#platform/database.js';
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
  const [row] = await queryPrepared<{ id: string }>(
    source,
    'upload-open',
    `insert into upload (id, repository_id, principal, algorithm) select $1::uuid, $2::uuid, $3::text, $4::text
     from ${WITHOUT_FLUSH} where (select count(*) from (select 1 from upload where principal = $3 and digest is null limit $5) o) < $5
     returning id`,
    [newId(), owner.repositoryId, owner.principal, algorithm, most],
  );
  if (!row) throw tooManyUploads(most);
  return row.id;
}

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
