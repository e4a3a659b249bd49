import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FlushBatch } from './flush-batch.js';
import { hasCode } from './storage-errors.js';

const WRITE_BACK_EVERY = 64 * 1024 * 1024;

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
 * Appends batches to an open file. Starts to flush while more comes, so that the flush at the commit finds little left; an
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

  /** Writes the whole batch at the end. */
  async write(batch: Buffer[], bytes: number): Promise<void> {
    let rest = batch;
    for (let left = bytes; left > 0;) {
      const { bytesWritten } = await this.handle.writev(rest, this.position);
      this.position += bytesWritten;
      left -= bytesWritten;
      if (left > 0) rest = withoutFirst(rest, bytesWritten);
    }
    this.#unflushed += bytes;
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

function withoutFirst(buffers: Buffer[], bytes: number): Buffer[] {
  const rest: Buffer[] = [];
  for (const buffer of buffers) {
    if (bytes < buffer.length) rest.push(buffer.subarray(bytes));
    bytes = Math.max(0, bytes - buffer.length);
  }
  return rest;
}
