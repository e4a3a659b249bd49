import { Readable } from 'node:stream';
import type { DataSource } from 'typeorm';
import { algorithmOf, digestOf, type Digest } from '#oci/digest.js';
import { inTransaction } from '#platform/database.js';
import { DomainError, invalid, isDomainError } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import type { AppendLimits, BlobStore, StagedBytes } from '#storage/blob-store.js';
import { CheckedBlob } from '#storage/checked-blob.js';
import { gatherSmall, isSmall } from './gather-small.js';
import { MOST_REMEMBERED, rememberBlob } from './recent-blobs.js';
import { keepInSession, moveToStore, sizeInSession, storeFromSession } from './session-bytes.js';
import { protectDigest, stageBlobs } from './store-blob.js';
import { storeSmallBlob } from './store-small-blob.js';
import { takeLease, type UploadLease } from './upload-lease.js';
import {
  cancelUpload,
  findUpload,
  markClosed,
  takeOpenUpload,
  takeUpload,
  type UploadKey,
  uploadUnknown,
  type UploadSession,
} from './upload-sessions.js';

/** What receiving needs. */
export interface Receiving {
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly limits: Pick<AppendLimits, 'maxTotal' | 'idleMs' | 'ownsChunks'>;
  /** Most open sessions of a principal, when it is not the default. */
  readonly mostOpen?: number;
}

/** Bytes of one request; `start` and `length` are there when the client named them. */
export interface Chunk {
  readonly bytes: Readable;
  readonly start?: number | undefined;
  readonly length?: number | undefined;
}

/** Appends a chunk to an open session and returns the new offset. */
export async function appendToUpload(receiving: Receiving, key: UploadKey, chunk: Chunk): Promise<number> {
  const rest = await keepIfSmall(receiving, key, chunk);
  if (typeof rest === 'number') return rest;
  const session = await takeOpenUpload(receiving.source, key, receiving.mostOpen);
  return withLease(receiving, session, (staged, lease) =>
    append(staged, lease, rest, { ...receiving.limits, algorithm: session.algorithm }),
  );
}

/** Keeps a small first chunk in its session; gives the offset then, and else the chunk to be taken as any other. */
async function keepIfSmall(
  { source, limits, mostOpen }: Receiving,
  key: UploadKey,
  chunk: Chunk,
): Promise<number | Chunk> {
  if (!isSmall(chunk, limits.maxTotal)) return chunk;
  const gathered = await gatherSmall(chunk);
  const { bytes } = gathered;
  if (!bytes) return { ...chunk, bytes: gathered.rest };
  if (!(await keepInSession(source, key, bytes, mostOpen))) return { ...chunk, bytes: streamOf(bytes) };
  if (bytes.length <= MOST_REMEMBERED) rememberBlob(key.repositoryId, digestOf(bytes), bytes);
  return bytes.length;
}

/** Bytes that a session holds. */
export async function offsetOf({ source, store }: Receiving, uploadId: string): Promise<number> {
  return (await sizeInSession(source, uploadId)) ?? store.staging(uploadId).offset();
}

/**
 * Closes a session with the digest of the whole, after a last chunk when there is one. A repeated close is answered like
 * the first; a wrong digest ends the session.
 */
export async function closeUpload(receiving: Receiving, key: UploadKey, digest: Digest, chunk?: Chunk): Promise<void> {
  const rest = await storeIfSmall(receiving, { repositoryId: key.repositoryId, digest, session: key }, chunk);
  if (rest === STORED || (!rest && (await storeFromSession(receiving.source, key, digest)))) return;
  const session = await takeUpload(receiving.source, key, receiving.mostOpen);
  if (isClosedWith(session, digest)) return;
  try {
    await withLease(receiving, session, async (staged, lease) => {
      if (rest) await appendLast(staged, lease, rest, closing(receiving, digest));
      return commitLast(receiving, key, digest, { staged, lease });
    });
  } catch (error) {
    if (isDigestInvalid(error)) throw error;
    // The same close may have been answered by another request while this one waited for its turn.
    const again = await findUpload(receiving.source, key).catch(() => undefined);
    if (again && isClosedWith(again, digest)) return;
    throw error;
  }
}

/** A wrong digest ends the session before anybody else writes to it: its bytes are gone. */
async function commitLast(
  { source }: Receiving,
  key: UploadKey,
  digest: Digest,
  { staged, lease }: { readonly staged: StagedBytes; readonly lease: UploadLease },
): Promise<number> {
  try {
    const size = await commitStaged({ source }, staged, key, digest);
    lease.ended();
    return size;
  } catch (error) {
    if (!isDigestInvalid(error)) throw error;
    if (!(await cancelUpload(source, key))) throw uploadUnknown();
    lease.ended();
    throw error;
  }
}

const isDigestInvalid = (error: unknown) => isDomainError(error) && error.code === 'DIGEST_INVALID';

/** Stores a blob that comes in one request, without a session. */
export async function receiveBlob(
  receiving: Receiving,
  repositoryId: string,
  digest: Digest,
  chunk: Chunk,
): Promise<void> {
  const rest = await storeIfSmall(receiving, { repositoryId, digest }, chunk);
  if (rest === STORED) return;
  const staged = receiving.store.staging(newId());
  try {
    const offset = await staged.append(0, rest.bytes, closing(receiving, digest));
    if (rest.length !== undefined && offset !== rest.length) throw shortBody(offset);
    await commitStaged(receiving, staged, { repositoryId }, digest);
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

const STORED = Symbol('stored');

/**
 * Takes a small body into memory and stores it with those of others. What cannot be stored so, a body that broke off or
 * has another digest included, is given back to be taken as any other chunk.
 */
async function storeIfSmall<C extends Chunk | undefined>(
  { source, limits }: Receiving,
  { digest, ...place }: { readonly digest: Digest; readonly repositoryId: string; readonly session?: UploadKey },
  chunk: C,
): Promise<C | typeof STORED> {
  if (!chunk || !isSmall(chunk, limits.maxTotal)) return chunk;
  const gathered = await gatherSmall(chunk);
  if (!gathered.bytes) return { ...chunk, bytes: gathered.rest };
  const blob = checkedOrNone(digest, gathered.bytes);
  if (blob && (await storeSmallBlob(source, { ...place, blob }))) return STORED;
  return { ...chunk, bytes: streamOf(gathered.bytes) };
}

const streamOf = (bytes: Buffer) => Readable.from([bytes], { objectMode: false });

function checkedOrNone(digest: Digest, bytes: Buffer): CheckedBlob | undefined {
  try {
    return CheckedBlob.of(digest, bytes);
  } catch (error) {
    if (isDigestInvalid(error)) return undefined;
    throw error;
  }
}

function closing({ limits }: Receiving, digest: Digest): AppendLimits {
  return { ...limits, algorithm: algorithmOf(digest), closing: true };
}

async function withLease(
  { source, store }: Receiving,
  session: UploadSession,
  work: (staged: StagedBytes, lease: UploadLease) => Promise<number>,
): Promise<number> {
  const lease = await takeLease(source, session.id);
  const staged = store.staging(session.id);
  let offset: number | undefined;
  try {
    if (lease.kept) await moveToStore(source, session.id, lease.kept, staged);
    return (offset = await work(staged, lease));
  } finally {
    if (!(await lease.release(offset))) await refuseCancelled(staged);
  }
}

async function refuseCancelled(staged: StagedBytes): Promise<never> {
  await staged.discard();
  throw uploadUnknown();
}

async function append(staged: StagedBytes, lease: UploadLease, chunk: Chunk, limits: AppendLimits): Promise<number> {
  const offset = await staged.offset();
  if (chunk.start !== undefined && chunk.start !== offset) throw outOfOrder(chunk.start, offset);
  if (chunk.length === 0) return offset;
  const stop = () => chunk.bytes.destroy(new Error('the upload was taken over by another request'));
  lease.signal.addEventListener('abort', stop, { once: true });
  try {
    const most = chunk.length === undefined ? undefined : offset + chunk.length;
    const maxTotal = Math.min(limits.maxTotal ?? Number.MAX_SAFE_INTEGER, most ?? Number.MAX_SAFE_INTEGER);
    const reached = await staged.append(offset, chunk.bytes, { ...limits, maxTotal });
    if (most !== undefined && reached !== most) throw shortBody(reached);
    return reached;
  } finally {
    lease.signal.removeEventListener('abort', stop);
  }
}

/**
 * Appends what comes with the close. Of a whole blob that breaks off nothing stays: clients send such a request again from
 * its beginning, and do not ask how far it came.
 */
async function appendLast(staged: StagedBytes, lease: UploadLease, chunk: Chunk, limits: AppendLimits): Promise<void> {
  const whole = chunk.start === undefined && (await staged.offset()) === 0;
  try {
    await append(staged, lease, chunk, limits);
  } catch (error) {
    if (whole && !lease.signal.aborted) await staged.discard();
    throw error;
  }
}

/**
 * Puts the bytes in place and makes the row under one lock, so that the collector cannot come between. The session that
 * they came in, if any, is closed by the same commit.
 */
export function commitStaged(
  { source }: Pick<Receiving, 'source'>,
  staged: StagedBytes,
  { id, repositoryId }: { readonly id?: string; readonly repositoryId: string },
  digest: Digest,
): Promise<number> {
  let size: number | undefined;
  return inTransaction(source, async (tx) => {
    await protectDigest(tx, digest);
    size ??= await staged.commit(digest);
    await stageBlobs(tx, [{ repositoryId, digest, size }]);
    if (id !== undefined) await markClosed(tx, id, digest, size);
    return size;
  });
}

const isClosedWith = (session: UploadSession, digest: string) => {
  if (session.digest === null) return false;
  if (session.digest === digest) return true;
  throw uploadUnknown();
};

const outOfOrder = (start: number, offset: number) =>
  new DomainError(
    'range',
    'BLOB_UPLOAD_INVALID',
    `The upload stands at ${offset}, not at ${start}; go on from there.`,
    {
      detail: { offset },
    },
  );

const shortBody = (offset: number) =>
  invalid(`The body has other bytes than announced; the upload stands at ${offset}.`, 'size', 'SIZE_INVALID', {
    offset,
  });
