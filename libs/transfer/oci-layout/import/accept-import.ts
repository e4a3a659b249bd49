import { open, rm, statfs, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { DomainError } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
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

const BATCH = 1 << 20;

/**
 * Takes the body of an import into a file under the data folder, in constant memory, and returns its id. Refuses what is
 * larger than the limit, cut off, or too large for the disk, and leaves nothing then. The stream is never destroyed, so
 * that an answer can still be sent.
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
  let size = 0;
  let batch: Buffer[] = [];
  let held = 0;
  const chunks = body.iterator({ destroyOnReturn: false });
  try {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (limit > 0 && size > limit) throw tooLarge(limit);
      batch.push(chunk);
      held += chunk.length;
      if (held < BATCH) continue;
      await writeAll(file, batch);
      [batch, held] = [[], 0];
    }
  } catch (error) {
    if (error instanceof DomainError || (error as NodeJS.ErrnoException).syscall === 'write') throw error;
    throw cutOff(size, error);
  }
  await writeAll(file, batch);
  return size;
}

async function writeAll(file: FileHandle, batch: readonly Buffer[]): Promise<void> {
  const { bytesWritten } = batch.length === 0 ? { bytesWritten: 0 } : await file.writev([...batch]);
  if (bytesWritten === sizeOf(batch)) return;
  const rest = Buffer.concat(batch).subarray(bytesWritten);
  for (let at = 0; at < rest.length;) at += (await file.write(rest, at)).bytesWritten;
}

const sizeOf = (batch: readonly Buffer[]) => batch.reduce((sum, chunk) => sum + chunk.length, 0);

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
  refused(`The body broke off after ${size} bytes; send the archive again.`, { size, ...(cause ? {} : {}) });
