import { mkdir, rename, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '#oci/digest.js';
import { settled } from '#platform/settled.js';
import { removeFile, statOf, type FileLayout } from './file-layout.js';
import type { FlushBatch } from './flush-batch.js';

/** A verified blob in a file that is not in its place yet. */
export interface WrittenBlob {
  readonly digest: Digest;
  readonly path: string;
  readonly file: FileHandle;
}

/** Publishes verified files under their digest, durably. */
export class BlobPlacer {
  readonly #shards = new Map<string, Promise<void>>();

  constructor(
    private readonly layout: FileLayout,
    readonly flush: FlushBatch,
  ) {}

  /** Makes the verified file the blob; when there is one of this size already it stays, and the file is dropped. */
  async place(written: WrittenBlob, size: number): Promise<void> {
    if (await this.isThere(written.digest, size)) return removeFile(written.path);
    return this.placeAll([written]);
  }

  /** Makes verified files the blobs, durably; none gets its name before all of them are on the disk. */
  async placeAll(files: readonly WrittenBlob[]): Promise<void> {
    const shards = new Set(files.map(({ digest }) => this.layout.shard(digest)));
    const parents = new Set([...shards].map((shard) => dirname(shard)));
    await settled([
      ...files.map(({ file }) => this.flush.file(file)),
      ...[...parents].map((parent) => this.#shardsOf(parent)),
    ]);
    await settled(files.map(({ path, digest }) => rename(path, this.layout.blob(digest))));
    await settled([...shards].map((shard) => this.flush.folder(shard)));
  }

  /** True when the blob is there durably; it may have been placed by somebody who has not flushed its name yet. */
  async isThere(digest: Digest, size: number): Promise<boolean> {
    if ((await statOf(this.layout.blob(digest)))?.size !== size) return false;
    await this.flush.folder(this.layout.shard(digest));
    return true;
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
