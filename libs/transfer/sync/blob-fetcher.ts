import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { insertBlob, protectDigest } from '#content/uploads/store-blob.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { DomainError, isDomainError, notFound } from '#platform/domain-error.js';
import { log } from '#platform/logger.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { storeStream } from '#storage/store-stream.js';
import { RemoteRegistries } from '../remote-registry/remote-registries.js';
import { overLimit } from '../remote-registry/upstream-error.js';
import { RemoteEntity } from '../remotes/remote.entity.js';
import { teeBlob } from './tee-blob.js';

/** A blob that a repository has while its bytes may still be upstream. */
export interface WantedBlob {
  readonly id: string;
  readonly digest: string;
  readonly size: number;
}

/** How long a remote that failed to give a blob is not asked for it again. */
const COOLDOWN_MS = 30_000;

/** Fetches blobs that a sync or a pull left upstream, at the first pull. */
@Injectable()
export class BlobFetcher {
  private readonly keeping = new Set<string>();
  private readonly failedAt = new Map<string, number>();

  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
    @Inject(RemoteRegistries) private readonly registries: RemoteRegistries,
  ) {}

  /**
   * The bytes of a blob, from the store when somebody was faster, else as they come from an upstream. They are stored on
   * the way unless every remote streams only. The stream breaks off when the bytes turn out wrong.
   */
  async fetch(blob: WantedBlob): Promise<Readable> {
    if (await this.isStored(blob)) return this.store.open(blob.digest, undefined, blob.size);
    const { blobLimit } = this.config;
    const remotes = await this.remotesOf(blob);
    let failure: unknown;
    for (const { remote, name } of remotes) {
      const registry = this.registries.of(remote, name);
      if (blobLimit > 0 && blob.size > blobLimit)
        throw overLimit(registry.blobUrl(blob.digest), `the blob has ${blob.size} bytes, over the limit`);
      try {
        const upstream = await registry.client.attempt(() => registry.openBlob(blob));
        return this.pass(upstream, blob, remote);
      } catch (error) {
        if (!isDomainError(error)) throw error;
        this.markFailed(remote.id, blob);
        failure = error;
      }
    }
    throw this.unavailable(blob, failure);
  }

  private pass(upstream: Readable, blob: WantedBlob, remote: RemoteEntity): Readable {
    const { digest, size } = blob;
    if (remote.policy === 'streamed' || this.keeping.has(digest)) return teeBlob(upstream, digest, size);
    this.keeping.add(digest);
    return teeBlob(upstream, digest, size, async (bytes) => {
      try {
        const limits = { maxBytes: size, size };
        await storeStream(this.store, digest, bytes, limits, (commit) => this.storeWithRow(digest, commit));
      } catch (error) {
        this.markFailed(remote.id, blob);
        log('warn', 'a blob could not be taken from its upstream', { digest, remote: remote.name, error });
        throw error;
      } finally {
        this.keeping.delete(digest);
      }
    });
  }

  private async isStored({ id }: WantedBlob): Promise<boolean> {
    const rows = await rowsOf(this.source, 'select 1 from blob where id = $1 and stored', [id]);
    return rows.length > 0;
  }

  private storeWithRow(digest: string, commit: () => Promise<number>): Promise<number> {
    let size: number | undefined;
    return inTransaction(this.source, async (tx) => {
      await protectDigest(tx, digest);
      size ??= await commit();
      await insertBlob(tx, digest, size);
      return size;
    });
  }

  /** Remotes that have the blob, those that failed lately last. */
  private async remotesOf(blob: WantedBlob): Promise<{ remote: RemoteEntity; name: string }[]> {
    const rows = await rowsOf<{ id: string; name: string }>(
      this.source,
      'select remote_id as id, upstream_name as name from remote_blob where blob_id = $1 limit 20',
      [blob.id],
    );
    const found: { remote: RemoteEntity; name: string; failed: number }[] = [];
    for (const { id, name } of rows) {
      const remote = await this.source.manager.findOneBy(RemoteEntity, { id });
      if (remote) found.push({ remote, name, failed: this.failedAt.get(`${id} ${blob.digest}`) ?? 0 });
    }
    return found.sort((a, b) => a.failed - b.failed);
  }

  private markFailed(remoteId: string, { digest }: WantedBlob): void {
    const key = `${remoteId} ${digest}`;
    this.failedAt.set(key, Date.now());
    setTimeout(() => this.failedAt.delete(key), COOLDOWN_MS).unref();
  }

  private unavailable({ digest }: WantedBlob, failure: unknown): Error {
    if (failure === undefined)
      return notFound(
        `The blob ${digest} is not stored and no remote has it any more; sync the repository again.`,
        'BLOB_UNKNOWN',
      );
    const { message, code } = failure as DomainError;
    return new DomainError('unavailable', code, message, { cause: failure, retryAfter: 5 });
  }
}
