import { open, rm, statfs, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { DomainError, isDomainError } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { FileAppender } from '#storage/file-write.js';
import { FlushBatch } from '#storage/flush-batch.js';
import { gatherChunks, gatherOptions } from '#storage/gathered-chunks.js';
import { asImportError, diskFull } from './import-errors.js';
import { importFolder, prepareImport } from './import-files.js';
import { refused } from '../tar/refusal.js';

/** How an upload is taken. */
export interface AcceptOptions {
  readonly dataDir: string;
  /** Most bytes; 0: as many as the disk holds. */
  readonly limit: number;
  /** Bytes that the client announced. */
  readonly length?: number | undefined;
}

/**
 * Takes the body of an import into a file under the data folder, in constant memory, and returns its id. Refuses what is
 * larger than the limit, cut off, or too large for the disk, and leaves nothing then. The stream is never destroyed, so
 * that an answer can still be sent; its chunks are nobody's afterwards.
 */
export async function acceptImport(body: Readable, options: AcceptOptions): Promise<string> {
  const id = newId();
  const { upload } = await prepareImport(options.dataDir, id);
  if (options.length !== undefined) await requireRoom(options, options.length);
  try {
    const file = await open(upload, 'wx', 0o600);
    try {
      const size = await spool(body, file, options.limit);
      if (options.length !== undefined && size !== options.length) throw cutOff(size);
      await file.datasync();
    } finally {
      await file.close();
    }
    return id;
  } catch (error) {
    await rm(upload, { force: true });
    throw asImportError(error);
  }
}

async function spool(body: Readable, file: FileHandle, limit: number): Promise<number> {
  const options = gatherOptions(0, { ownsChunks: true, ...(limit > 0 ? { maxTotal: limit } : {}) });
  const { bytes: size, broken } = await gatherChunks(body, options, new FileAppender(file, 0, new FlushBatch(true)));
  if (!broken) return size;
  throw isDomainError(broken.error) && broken.error.kind === 'too-large' ? tooLarge(limit) : cutOff(size, broken.error);
}

/** An announced body that cannot fit is refused before its first byte. */
async function requireRoom({ dataDir, limit }: AcceptOptions, length: number): Promise<void> {
  if (limit > 0 && length > limit) throw tooLarge(limit);
  const { bavail, bsize } = await statfs(importFolder(dataDir));
  if (length > bavail * bsize) throw diskFull();
}

const tooLarge = (limit: number) =>
  new DomainError(
    'too-large',
    'SIZE_INVALID',
    `The archive is larger than the limit of ${limit} bytes; export fewer tags.`,
    {
      detail: { limit },
    },
  );

const cutOff = (size: number, cause?: unknown) =>
  refused(`The body broke off after ${size} bytes; send the archive again.`, { size }, cause);
