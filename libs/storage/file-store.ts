import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Digest } from '#oci/digest.js';
import type { BlobStore, ByteRange, StagedBytes, StoredBlob, StoreLimits } from './blob-store.js';
import { CheckedBlob } from './checked-blob.js';
import { placeTogether } from './file-batch.js';
import { FileLayout, removeFile, statOf } from './file-layout.js';
import { BlobPlacer } from './file-placer.js';
import { FileStagedBytes } from './file-staged-bytes.js';
import { FlushBatch } from './flush-batch.js';
import { SessionTurns } from './session-turns.js';
import { blobUnknown, CorruptBlobError, hasCode, rangeOutside, tooLarge } from './storage-errors.js';
import { storeStream } from './store-stream.js';

const MIB = 1024 * 1024;

/** Blobs as files named by their digest, in a folder that every process of the installation can reach. */
export class FileStore implements BlobStore {
  readonly #layout: FileLayout;
  readonly #placer: BlobPlacer;

  constructor(
    dataDir: string,
    fsync = true,
    private readonly turns = new SessionTurns(),
  ) {
    this.#layout = new FileLayout(dataDir);
    this.#placer = new BlobPlacer(this.#layout, new FlushBatch(fsync));
  }

  async open(digest: Digest, range?: ByteRange, expectedSize?: number): Promise<Readable> {
    const file = await this.#file(digest);
    try {
      const { size } = await file.stat();
      checkSize(digest, size, expectedSize);
      if (range) checkRange(range, size);
      return file.createReadStream({
        start: range?.start ?? 0,
        end: range?.end ?? Math.max(0, size - 1),
        highWaterMark: size >= 4 * MIB ? MIB : MIB / 4,
      });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async getBytes(digest: Digest, maxBytes: number): Promise<Buffer> {
    const file = await this.#file(digest);
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw tooLarge(maxBytes);
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(size), 0, size, 0);
      if (bytesRead !== size) throw new CorruptBlobError(digest, `${bytesRead} of ${size} bytes can be read`);
      return buffer;
    } finally {
      await file.close();
    }
  }

  async size(digest: Digest): Promise<number | undefined> {
    return (await statOf(this.#layout.blob(digest)))?.size;
  }

  async putBytes(digest: Digest, bytes: Buffer): Promise<void> {
    const blob = CheckedBlob.of(digest, bytes);
    if (!(await this.#placer.isThere(digest, bytes.length))) await this.putAll([blob]);
  }

  putAll(blobs: readonly CheckedBlob[]): Promise<void> {
    return placeTogether(this.#layout, this.#placer, blobs);
  }

  storeStream(digest: Digest, bytes: Readable, limits: StoreLimits): Promise<number> {
    return storeStream(this, digest, bytes, limits);
  }

  async remove(digest: Digest): Promise<void> {
    await removeFile(this.#layout.blob(digest));
  }

  list(): AsyncIterable<StoredBlob> {
    return this.#layout.listBlobs();
  }

  listStaged(): AsyncIterable<{ uploadId: string; touchedAt: Date }> {
    return this.#layout.listUploads();
  }

  localPath(digest: Digest): string {
    return this.#layout.blob(digest);
  }

  staging(uploadId: string): StagedBytes {
    return new FileStagedBytes(uploadId, this.#layout, this.#placer, this.turns);
  }

  async #file(digest: Digest): Promise<FileHandle> {
    try {
      return await open(this.#layout.blob(digest), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) throw blobUnknown(digest);
      throw error;
    }
  }
}

/** Fails closed when what is stored is not as large as the row says. */
export function checkSize(digest: Digest, size: number, expected: number | undefined): void {
  if (expected !== undefined && size !== expected)
    throw new CorruptBlobError(digest, `it has ${size} bytes and should have ${expected}`);
}

/** Lets only a range inside the blob through. */
export function checkRange({ start, end }: ByteRange, size: number): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start > end || end >= size)
    throw rangeOutside(size);
}
