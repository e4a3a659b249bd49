import { Readable } from 'node:stream';
import type { DataSource } from 'typeorm';
import type { Digest } from '#oci/digest.js';
import { batchesOf } from '#platform/batches.js';
import { queryPrepared } from '#platform/database.js';
import type { BlobStore, ByteRange, StagedBytes, StoredBlob, StoreLimits } from '#storage/blob-store.js';
import type { CheckedBlob } from '#storage/checked-blob.js';
import { checkRange, checkSize } from '#storage/file-store.js';
import { tooLarge } from '#storage/storage-errors.js';

/** Blobs of at most so many bytes may be in their rows. */
export const MOST_IN_ROW = 64 * 1024;

/**
 * The bytes of all blobs, wherever they are: of small ones that were pushed in one piece in their row, where they cost no
 * file, no folder and no flush of their own; of all others in the store. What is stored through here goes to the store, and
 * only what is there is listed and removed: bytes in a row come and go with it.
 */
export class BlobBytes implements BlobStore {
  readonly redirectUrl?: BlobStore['redirectUrl'];
  readonly localPath?: BlobStore['localPath'];

  constructor(
    private readonly store: BlobStore,
    private readonly source: DataSource,
  ) {
    if (store.redirectUrl)
      this.redirectUrl = (digest, size, seconds) =>
        size > MOST_IN_ROW ? store.redirectUrl!(digest, size, seconds) : undefined;
    if (store.localPath)
      this.localPath = (digest, size) => (size > MOST_IN_ROW ? store.localPath!(digest, size) : undefined);
  }

  async open(digest: Digest, range?: ByteRange, expectedSize?: number): Promise<Readable> {
    const bytes = (expectedSize ?? 0) > MOST_IN_ROW ? undefined : await this.#inRow(digest);
    if (!bytes) return this.store.open(digest, range, expectedSize);
    checkSize(digest, bytes.length, expectedSize);
    if (range) checkRange(range, bytes.length);
    return Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes], { objectMode: false });
  }

  async getBytes(digest: Digest, maxBytes: number): Promise<Buffer> {
    const bytes = await this.#inRow(digest);
    if (!bytes) return this.store.getBytes(digest, maxBytes);
    if (bytes.length > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  }

  async size(digest: Digest): Promise<number | undefined> {
    return (await sizeInRow(this.source, digest)) ?? this.store.size(digest);
  }

  putBytes(digest: Digest, bytes: Buffer): Promise<void> {
    return this.store.putBytes(digest, bytes);
  }

  putAll(blobs: readonly CheckedBlob[]): Promise<void> {
    return this.store.putAll(blobs);
  }

  storeStream(digest: Digest, bytes: Readable, limits: StoreLimits): Promise<number> {
    return this.store.storeStream(digest, bytes, limits);
  }

  remove(digest: Digest): Promise<void> {
    return this.store.remove(digest);
  }

  list(): AsyncIterable<StoredBlob> {
    return this.store.list();
  }

  listStaged(): AsyncIterable<{ uploadId: string; touchedAt: Date }> {
    return this.store.listStaged();
  }

  staging(uploadId: string): StagedBytes {
    return this.store.staging(uploadId);
  }

  /** The driver takes bytes as hex, which is longer and slower to read. */
  async #inRow(digest: Digest): Promise<Buffer | undefined> {
    const text = `select encode(bytes, 'base64') as text from blob where digest = $1 and bytes is not null`;
    const [row] = await queryPrepared<{ text: string }>(this.source, 'blob-bytes', text, [digest]);
    return row && Buffer.from(row.text, 'base64');
  }
}

const sizeInRow = batchesOf<Digest, number | undefined>(async (source, digests) => {
  const text = `select digest, octet_length(bytes) as size from blob where digest = any($1::text[]) and bytes is not null`;
  const rows = await queryPrepared<{ digest: string; size: number }>(source, 'blob-sizes', text, [digests]);
  const sizes = new Map(rows.map(({ digest, size }) => [digest, size]));
  return digests.map((digest) => sizes.get(digest));
});
