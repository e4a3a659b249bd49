import { mkdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Digest } from '#oci/digest.js';
import { statOf, type FileLayout } from './file-layout.js';
import type { FlushBatch } from './flush-batch.js';
import { hasCode } from './storage-errors.js';

/** Publishes verified files under their digest, durably. */
export class BlobPlacer {
  constructor(
    private readonly layout: FileLayout,
    readonly flush: FlushBatch,
  ) {}

  /** Makes the verified file the blob; when there is one of this size already it stays, and the file is dropped. */
  async place(file: FileHandle, path: string, digest: Digest, size: number): Promise<void> {
    const shard = this.layout.shard(digest);
    const target = this.layout.blob(digest);
    if ((await statOf(target))?.size === size) {
      await rm(path, { force: true });
      return this.flush.folder(shard);
    }
    await this.flush.file(file);
    try {
      await rename(path, target);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      await this.#makeShard(shard);
      await rename(path, target);
    }
    await this.flush.folder(shard);
  }

  async #makeShard(shard: string): Promise<void> {
    const first = await mkdir(shard, { recursive: true });
    if (first === undefined) return;
    for (let folder = shard; folder.length >= first.length; folder = dirname(folder))
      await this.flush.folder(dirname(folder));
  }
}
