import { constants } from 'node:fs';
import { rm, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { algorithmOf, type Digest } from '#oci/digest.js';
import type { AppendLimits, StagedBytes } from './blob-store.js';
import { digestOfStream, RunningDigest } from './digest-stream.js';
import type { FileLayout } from './file-layout.js';
import { statOf } from './file-layout.js';
import type { BlobPlacer } from './file-placer.js';
import { FileAppender, openIn } from './file-write.js';
import { expectErrors, gatherChunks, type BrokenOff } from './gathered-chunks.js';
import type { SessionTurns } from './session-turns.js';
import { asStorageError, checkedDigest, cutOff, digestDiffers, wrongOffset } from './storage-errors.js';

const BATCH = 1024 * 1024;
const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;

/** The bytes of an upload session in one file, which becomes the blob by a rename. */
export class FileStagedBytes implements StagedBytes {
  readonly #path: string;

  constructor(
    private readonly uploadId: string,
    layout: FileLayout,
    private readonly placer: BlobPlacer,
    private readonly turns: SessionTurns,
  ) {
    this.#path = layout.upload(uploadId);
  }

  async offset(): Promise<number> {
    return (await statOf(this.#path))?.size ?? 0;
  }

  append(at: number, bytes: Readable, limits: AppendLimits = {}): Promise<number> {
    expectErrors(bytes);
    return this.#withFile(async (file) => {
      const { size } = await file.stat();
      if (at !== size) throw wrongOffset(at, size);
      const running = await this.#carried(file, limits);
      const appender = new FileAppender(file, size, this.placer.flush);
      const broken = await gatherChunks(
        bytes,
        {
          batchBytes: BATCH,
          most: (limits.maxTotal ?? Number.MAX_SAFE_INTEGER) - size,
          limit: limits.maxTotal ?? Number.MAX_SAFE_INTEGER,
          idleMs: limits.idleMs,
          seen: (chunk) => running?.update(chunk),
        },
        (batch, length) => appender.write(batch, length),
      ).finally(() => appender.end());
      return this.#settle(file, running, broken);
    });
  }

  async commit(digest: Digest): Promise<number> {
    checkedDigest(digest);
    return this.#withFile(async (file) => {
      const { size } = await file.stat();
      const running = await this.#wholeDigest(file, digest);
      const actual = running.digest();
      if (actual !== digest || running.bytes !== size) {
        await rm(this.#path, { force: true });
        throw digestDiffers(digest, actual);
      }
      await this.placer.place(file, this.#path, digest, size);
      return size;
    });
  }

  discard(): Promise<void> {
    return this.turns.alone(this.uploadId, async () => {
      this.turns.forget(this.uploadId);
      await rm(this.#path, { force: true });
    });
  }

  async #settle(file: FileHandle, running: RunningDigest | undefined, broken: BrokenOff | undefined) {
    const { size } = await file.stat();
    if (running?.bytes === size) this.turns.keep(this.uploadId, { running, mark: await markOf(file) });
    if (!broken) return size;
    throw cutOff(size, broken.error);
  }

  async #carried(file: FileHandle, limits: AppendLimits): Promise<RunningDigest | undefined> {
    const { size } = await file.stat();
    if (size === 0) return new RunningDigest(limits.algorithm);
    return this.turns.take(this.uploadId, await markOf(file));
  }

  async #wholeDigest(file: FileHandle, digest: Digest): Promise<RunningDigest> {
    const carried = this.turns.take(this.uploadId, await markOf(file));
    const algorithm = algorithmOf(digest);
    if (carried?.algorithm === algorithm) return carried;
    return digestOfStream(file.createReadStream({ start: 0, highWaterMark: BATCH, autoClose: false }), algorithm);
  }

  #withFile<T>(work: (file: FileHandle) => Promise<T>): Promise<T> {
    return this.turns.alone(this.uploadId, async () => {
      try {
        const file = await openIn(this.#path, O_RDWR | O_CREAT | O_NOFOLLOW);
        try {
          return await work(file);
        } finally {
          await file.close();
        }
      } catch (error) {
        throw asStorageError(error);
      }
    });
  }
}

async function markOf(file: FileHandle): Promise<string> {
  const { ino, size, mtimeNs } = await file.stat({ bigint: true });
  return `${ino}:${size}:${mtimeNs}`;
}
