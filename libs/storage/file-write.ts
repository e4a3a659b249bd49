import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FlushBatch } from './flush-batch.js';
import { hasCode } from './storage-errors.js';

const WRITE_BACK_EVERY = 16 * 1024 * 1024;

/** Opens a file and makes its folder first when that is missing. */
export async function openIn(path: string, flags: number): Promise<FileHandle> {
  try {
    return await open(path, flags, 0o644);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    await mkdir(dirname(path), { recursive: true });
    return open(path, flags, 0o644);
  }
}

/**
 * Appends blocks to an open file. Starts to flush while more comes, so that the flush at the commit finds little left; an
 * error of such a flush is thrown by {@link end}.
 */
export class FileAppender {
  #flushing: Promise<void> | undefined;
  #unflushed = 0;
  #failure: { error: unknown } | undefined;

  constructor(
    private readonly handle: FileHandle,
    private position: number,
    private readonly flush: FlushBatch,
  ) {}

  /** Writes the whole block at the end. */
  async write(block: Buffer): Promise<void> {
    for (let written = 0; written < block.length;) {
      const { bytesWritten } = await this.handle.write(block, written, block.length - written, this.position);
      this.position += bytesWritten;
      written += bytesWritten;
    }
    this.#unflushed += block.length;
    if (this.#unflushed >= WRITE_BACK_EVERY && !this.#flushing) this.#startFlush();
  }

  /** Waits for flushes that run; comes before the file is closed. */
  async end(): Promise<void> {
    await this.#flushing;
    if (this.#failure) throw this.#failure.error;
  }

  #startFlush(): void {
    this.#unflushed = 0;
    this.#flushing = this.flush.file(this.handle).then(
      () => {
        this.#flushing = undefined;
      },
      (error: unknown) => {
        this.#failure = { error };
      },
    );
  }
}
