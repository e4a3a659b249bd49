import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { algorithmOf, type Digest, type DigestAlgorithm } from '#oci/digest.js';
import type { AppendLimits, StagedBytes } from './blob-store.js';
import { digestOfStream } from './digest-of-stream.js';
import { removeFile, statOf, type FileLayout } from './file-layout.js';
import type { BlobPlacer } from './file-placer.js';
import { FileAppender, openIn } from './file-write.js';
import { expectErrors, gatherChunks, gatherOptions, type Gathered } from './gathered-chunks.js';
import { BlockDigest } from './block-digest.js';
import type { SessionTurns } from './session-turns.js';
import { asStorageError, checkedDigest, cutOff, digestDiffers, wrongOffset } from './storage-errors.js';

const READ_BYTES = 1024 * 1024;
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
    return this.turns.alone(this.uploadId, async () => {
      const offset = await this.offset();
      if (at !== offset) throw wrongOffset(at, offset);
      return this.#withFile((file) => this.#appendTo(file, offset, bytes, limits));
    });
  }

  digest(algorithm: DigestAlgorithm): Promise<Digest> {
    return this.turns.alone(this.uploadId, () =>
      this.#withFile(async (file) => {
        const { mark } = await stateOf(file);
        const running = await this.#wholeDigest(file, algorithm, mark);
        this.turns.keep(this.uploadId, { running, mark });
        return running.digest();
      }),
    );
  }

  async commit(digest: Digest): Promise<number> {
    checkedDigest(digest);
    return this.turns.alone(this.uploadId, () => this.#withFile((file) => this.#commitFile(file, digest)));
  }

  discard(): Promise<void> {
    return this.turns.alone(this.uploadId, async () => {
      this.turns.forget(this.uploadId);
      await removeFile(this.#path);
    });
  }

  async #appendTo(file: FileHandle, offset: number, bytes: Readable, limits: AppendLimits): Promise<number> {
    const running =
      offset === 0 ? new BlockDigest(limits.algorithm) : this.turns.take(this.uploadId, (await stateOf(file)).mark);
    const appender = new FileAppender(file, offset, this.placer.flush);
    const { broken } = await gatherChunks(bytes, gatherOptions(offset, limits), appender, running);
    return this.#settle(file, running, broken);
  }

  async #commitFile(file: FileHandle, digest: Digest): Promise<number> {
    const { size, mark } = await stateOf(file);
    const running = await this.#wholeDigest(file, algorithmOf(digest), mark);
    const actual = await running.digest();
    if (actual !== digest || running.bytes !== size) {
      await removeFile(this.#path);
      throw digestDiffers(digest, actual);
    }
    await this.placer.place({ digest, path: this.#path, file }, size);
    return size;
  }

  async #settle(file: FileHandle, running: BlockDigest | undefined, broken: Gathered['broken']) {
    const { size, mark } = await stateOf(file);
    if (running?.bytes === size) this.turns.keep(this.uploadId, { running, mark });
    if (!broken) return size;
    throw cutOff(size, broken.error);
  }

  async #wholeDigest(file: FileHandle, algorithm: DigestAlgorithm, mark: string): Promise<BlockDigest> {
    const carried = this.turns.take(this.uploadId, mark);
    if (carried?.algorithm === algorithm) return carried;
    return digestOfStream(file.createReadStream({ start: 0, highWaterMark: READ_BYTES, autoClose: false }), algorithm);
  }

  async #withFile<T>(work: (file: FileHandle) => Promise<T>): Promise<T> {
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
  }
}

/** Size of a file, and a mark that is another one when somebody has written to it. */
async function stateOf(file: FileHandle): Promise<{ size: number; mark: string }> {
  const { ino, size, mtimeNs } = await file.stat({ bigint: true });
  return { size: Number(size), mark: `${ino}:${size}:${mtimeNs}` };
}
