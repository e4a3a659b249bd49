import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { DataSource, EntityManager } from 'typeorm';
import { objectKey } from '#access/permission-names.js';
import { forgetObjects } from '#access/role-assignments.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { invalid, notFound } from '#platform/domain-error.js';
import type { BlobStore, StagedBytes } from '#storage/blob-store.js';
import { insertBlob, protectDigest, stageBlobs } from '../uploads/store-blob.js';

/** Checksums that files are known by, in hex. */
export const FILE_SUMS = ['sha224', 'sha256', 'sha384', 'sha512'] as const;

/** Checksums of one file. */
export type FileSums = Readonly<Record<(typeof FILE_SUMS)[number], string>>;

/** A file that is here and not yet kept. */
export interface ReceivedFile {
  readonly size: number;
  readonly sums: FileSums;
  readonly staged: StagedBytes;
}

/** Takes a file of unknown checksum in one pass. The caller keeps or discards it. */
export async function receiveFile(store: BlobStore, bytes: AsyncIterable<Buffer>, maxTotal = 0): Promise<ReceivedFile> {
  const hashes = FILE_SUMS.map((name) => [name, createHash(name)] as const);
  async function* hashed() {
    for await (const chunk of bytes) {
      for (const [, hash] of hashes) hash.update(chunk);
      yield chunk;
    }
  }
  const staged = store.staging(randomUUID());
  try {
    const stream = Readable.from(hashed(), { objectMode: false });
    const size = await staged.append(0, stream, { ...(maxTotal > 0 ? { maxTotal } : {}), closing: true });
    const sums = Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest('hex')]));
    return { size, sums: sums as FileSums, staged };
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

const DUPLICATE = (sha256: string) =>
  invalid(`Artifact with sha256 checksum of '${sha256}' already exists.`, 'non_field_errors', 'DUPLICATE');

/** Keeps a received file as an artifact and returns its id; one that is here already is refused, or with `reuse` returned. */
export async function keepArtifact(
  source: DataSource,
  file: ReceivedFile,
  options: {
    readonly reuse?: boolean;
    /** Runs first in the transaction; throwing undoes everything. */
    readonly fence?: (tx: EntityManager) => Promise<void>;
    /** Runs last in it. */
    readonly inCommit?: (tx: EntityManager, id: string) => Promise<void>;
  } = {},
): Promise<string> {
  const digest = `sha256:${file.sums.sha256}`;
  let placed = false;
  const id = await inTransaction(source, async (tx) => {
    await options.fence?.(tx);
    await protectDigest(tx, digest);
    const [known] = await rowsOf<{ id: string }>(tx, 'select id from blob where digest = $1 and stored', [digest]);
    if (known && !options.reuse) throw DUPLICATE(file.sums.sha256);
    if (!placed) await file.staged.commit(digest);
    placed = true;
    const blobId = await insertBlob(tx, digest, file.size);
    const { sha224, sha384, sha512 } = file.sums;
    await tx.query(
      'insert into artifact (blob_id, sha224, sha384, sha512) values ($1, $2, $3, $4) on conflict do nothing',
      [blobId, sha224, sha384, sha512],
    );
    await options.inCommit?.(tx, blobId);
    return blobId;
  }).catch(async (error: unknown) => {
    if (!placed) await file.staged.discard();
    throw error;
  });
  return id;
}

/** A piece of a file and where it begins. */
export interface FileChunk {
  readonly uploadId: string;
  readonly firstByte: number;
  readonly file: ReceivedFile;
}

/** Keeps a piece; one that begins at the same byte takes the place of the one before. An upload that is gone is `not-found`. */
export async function keepChunk(source: DataSource, { uploadId, firstByte, file }: FileChunk): Promise<void> {
  const digest = `sha256:${file.sums.sha256}`;
  let placed = false;
  await inTransaction(source, async (tx) => {
    const sql = 'update chunked_upload set pulp_last_updated = now() where id = $1 returning 1';
    if ((await rowsOf(tx, sql, [uploadId])).length === 0) throw notFound('The upload is gone; begin a new one.');
    await protectDigest(tx, digest);
    if (!placed) await file.staged.commit(digest);
    placed = true;
    await stageBlobs(tx, [{ repositoryId: uploadId, digest, size: file.size }]);
    await tx.query(
      `insert into upload_chunk (upload_id, first_byte, size, digest) values ($1, $2, $3, $4)
       on conflict (upload_id, first_byte) do update set size = excluded.size, digest = excluded.digest`,
      [uploadId, firstByte, file.size, digest],
    );
  });
}

/** Forgets an upload and gives its pieces to the collector. */
export async function dropChunkedUpload(tx: EntityManager, uploadId: string): Promise<void> {
  // A piece that comes in now holds the upload; it is given away too.
  await tx.query('delete from chunked_upload where id = $1', [uploadId]);
  await tx.query('delete from staged where repository_id = $1', [uploadId]);
}

/** Forgets uploads that no piece came for in `ttlSeconds`, and gives their pieces to the collector; returns how many. */
export async function purgeChunkedUploads(source: DataSource, ttlSeconds: number): Promise<number> {
  return inTransaction(source, async (tx) => {
    const rows = await rowsOf<{ id: string }>(
      tx,
      `select id from chunked_upload where pulp_last_updated < now() - $1 * interval '1 second' for update skip locked`,
      [ttlSeconds],
    );
    for (const { id } of rows) await dropChunkedUpload(tx, id);
    await forgetObjects(
      tx,
      rows.map(({ id }) => objectKey('core.upload', id)),
    );
    return rows.length;
  });
}
