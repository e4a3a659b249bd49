import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntityManager } from 'typeorm';
import { BlobBytes } from '#content/bytes/blob-bytes.js';
import { collect, type CollectReport } from '#content/collector/collect.js';
import { deleteManifest } from '#content/push/delete-content.js';
import type { ManifestDraft } from '#content/push/drafts.js';
import { storeManifest, type StoredPush } from '#content/push/store-manifest.js';
import { protectDigest, stageBlobs } from '#content/uploads/store-blob.js';
import { storeSmallBlob } from '#content/uploads/store-small-blob.js';
import { deleteVersion } from '#content/versions/delete-version.js';
import { digestOf, type Digest } from '#oci/digest.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import type { BlobStore } from '#storage/blob-store.js';
import { CheckedBlob } from '#storage/checked-blob.js';
import { FileStore } from '#storage/file-store.js';
import { createTestDatabase, type TestDatabase } from '../database.js';
import { makeImage } from './content-factory.js';

/** A database, a store of files, and what tests of the collector do with them. */
export class CollectorWorld {
  /** The repository that everything is pushed into. */
  repositoryId = '';

  private constructor(
    readonly database: TestDatabase,
    private readonly folder: string,
    readonly store: BlobStore,
  ) {}

  static async open(): Promise<CollectorWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'hallmark-collect-'));
    const database = await createTestDatabase();
    return new CollectorWorld(database, folder, new BlobBytes(new FileStore(folder, false), database.source));
  }

  get source() {
    return this.database.source;
  }

  async close(): Promise<void> {
    await this.database.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  transaction<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return inTransaction(this.source, work);
  }

  run(options: { graceSeconds?: number; dryRun?: boolean } = {}): Promise<CollectReport> {
    return collect(this.source, this.store, { graceSeconds: 0, ...options });
  }

  push(draft: ManifestDraft, ...tags: string[]): Promise<StoredPush> {
    return this.transaction((tx) => storeManifest(tx, { repositoryId: this.repositoryId, draft, tags }));
  }

  async has(table: 'blob' | 'manifest', digest: string): Promise<boolean> {
    return (await rowsOf(this.source, `select 1 from ${table} where digest = $1`, [digest])).length > 0;
  }

  /** A small blob as an upload stores it: in its row. */
  async uploadInRow(bytes: Buffer, repositoryId = this.repositoryId): Promise<Digest> {
    const digest = digestOf(bytes);
    await storeSmallBlob(this.source, { repositoryId, blob: CheckedBlob.of(digest, bytes) });
    return digest;
  }

  /** Any other blob as an upload stores it: bytes and row under one lock. */
  async upload(bytes: Buffer, repositoryId = this.repositoryId): Promise<Digest> {
    const digest = digestOf(bytes);
    await this.transaction(async (tx) => {
      await protectDigest(tx, digest);
      await this.store.putBytes(digest, bytes);
      await stageBlobs(tx, [{ repositoryId, digest, size: bytes.length }]);
    });
    return digest;
  }

  async image(blobs = [randomBytes(20), randomBytes(30)], subject?: ManifestDraft): Promise<ManifestDraft> {
    for (const bytes of blobs) await this.upload(bytes);
    const options = { blobs, ...(subject ? { subject, artifactType: 'x/y' } : {}) };
    return this.transaction((tx) => makeImage(tx, this.repositoryId, options));
  }

  /** Makes the past of everything that is here. */
  async age(seconds: number): Promise<void> {
    for (const [table, column] of [
      ['blob', 'touched_at'],
      ['manifest', 'touched_at'],
      ['staged', 'since'],
      ['tag', 'pulp_created'],
      ['signature', 'pulp_created'],
    ])
      await this.source.query(`update ${table} set ${column} = ${column} - $1 * interval '1 second'`, [seconds]);
  }

  async unstage(): Promise<void> {
    await this.source.query('delete from staged where repository_id = $1', [this.repositoryId]);
  }

  /** Leaves nothing of the image in any version. */
  async forget(digest: string): Promise<void> {
    await this.transaction((tx) => deleteManifest(tx, this.repositoryId, digest));
    const rows = await rowsOf<{ number: number; head: number }>(
      this.source,
      `select v.number, r.head from repository_version v join repository r on r.id = v.repository_id
        where r.id = $1 order by 1`,
      [this.repositoryId],
    );
    for (const { number, head } of rows)
      if (number !== head) await this.transaction((tx) => deleteVersion(tx, this.repositoryId, number));
    await this.unstage();
  }
}
