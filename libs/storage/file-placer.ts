import { mkdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '#oci/digest.js';
import { statOf, type FileLayout } from './file-layout.js';
import type { FlushBatch } from './flush-batch.js';

/** Publishes verified files under their digest, durably. */
export class BlobPlacer {
  readonly #shards = new Map<string, Promise<void>>();

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
    await Promise.all([this.flush.file(file), this.#shardsOf(dirname(shard))]);
    await rename(path, target);
    await this.flush.folder(shard);
  }

  /**
   * Makes all shards of an algorithm, once for each process, and flushes what names them. No blob is acknowledged before:
   * a shard that another writer or process made may not be on the disk yet.
   */
  #shardsOf(parent: string): Promise<void> {
    const known = this.#shards.get(parent);
    if (known) return known;
    const made = this.#makeShards(parent);
    this.#shards.set(parent, made);
    made.catch(() => this.#shards.delete(parent));
    return made;
  }

  async #makeShards(parent: string): Promise<void> {
    const first = await mkdir(parent, { recursive: true });
    const names = Array.from({ length: 256 }, (_each, at) => at.toString(16).padStart(2, '0'));
    for (const name of names) await mkdir(join(parent, name), { recursive: true });
    await this.flush.folder(parent);
    if (first === undefined) return this.flush.folder(dirname(parent));
    for (let folder = parent; folder.length >= first.length; folder = dirname(folder))
      await this.flush.folder(dirname(folder));
  }
}
