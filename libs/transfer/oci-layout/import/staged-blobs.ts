import { Readable } from 'node:stream';
import type { DataSource } from 'typeorm';
import { commitStaged } from '#content/uploads/receive-blob.js';
import { algorithmOf, type Digest } from '#oci/digest.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import type { BlobStore, StagedBytes } from '#storage/blob-store.js';

/**
 * Blobs of an archive that go into staging while they are checked, so that their bytes are hashed once and not read again.
 * They are stored one by one when it is known that the whole archive is good.
 */
export class StagedBlobs {
  readonly #staged = new Map<Digest, StagedBytes>();

  constructor(
    private readonly source: DataSource,
    private readonly store: BlobStore,
  ) {}

  /** Stages a body and returns the digest that it has; undefined, with the body not touched, when that blob is stored already. */
  async take(digest: Digest, body: AsyncIterable<Buffer>): Promise<Digest | undefined> {
    const stored = await rowsOf(this.source, 'select 1 from blob where digest = $1 and stored', [digest]);
    if (stored.length > 0) return undefined;
    const staged = this.store.staging(newId());
    this.#staged.set(digest, staged);
    const algorithm = algorithmOf(digest);
    let failure: { readonly cause: unknown } | undefined;
    async function* remembering() {
      try {
        yield* body;
      } catch (cause) {
        failure = { cause };
        throw cause;
      }
    }
    try {
      // One chunk is asked for while one is taken: the archive's buffers are used again.
      const bytes = Readable.from(remembering(), { objectMode: true, highWaterMark: 1 });
      await staged.append(0, bytes, { algorithm, closing: true });
    } catch (error) {
      // The archive is what broke off, not an upload.
      throw failure ? failure.cause : error;
    }
    return staged.digest(algorithm);
  }

  /** Stores a staged blob and makes it readable in a repository; false when it is not staged. */
  async commit(repositoryId: string, digest: Digest): Promise<boolean> {
    const staged = this.#staged.get(digest);
    if (!staged) return false;
    await commitStaged({ source: this.source }, staged, { repositoryId }, digest);
    this.#staged.delete(digest);
    return true;
  }

  /** Drops what was not stored. */
  async discard(): Promise<void> {
    for (const staged of this.#staged.values()) await staged.discard();
    this.#staged.clear();
  }
}
