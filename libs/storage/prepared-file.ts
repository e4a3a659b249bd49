import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import type { Digest } from '#oci/digest.js';
import type { PreparedBlob } from './blob-store.js';
import type { CheckedBlob } from './checked-blob.js';
import { type FileLayout, removeFile } from './file-layout.js';
import { openIn } from './file-write.js';
import type { FlushBatch } from './flush-batch.js';
import { asStorageError } from './storage-errors.js';

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/** A small blob whose bytes are on the disk, in a file that does not have its name yet. */
export class PreparedFile implements PreparedBlob {
  #placed = false;

  private constructor(
    readonly digest: Digest,
    readonly path: string,
  ) {}

  /** Writes and flushes the bytes; leaves nothing when that fails. */
  static async write(layout: FileLayout, flush: FlushBatch, { digest, bytes }: CheckedBlob): Promise<PreparedFile> {
    const path = layout.upload(randomUUID());
    try {
      const file = await openIn(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
      try {
        await file.writeFile(bytes);
        await flush.file(file);
      } finally {
        await file.close();
      }
      return new PreparedFile(digest, path);
    } catch (error) {
      await removeFile(path);
      throw asStorageError(error);
    }
  }

  /** Says that the file has its name: there is nothing to discard. */
  placed(): void {
    this.#placed = true;
  }

  async discard(): Promise<void> {
    if (!this.#placed) await removeFile(this.path);
  }
}
