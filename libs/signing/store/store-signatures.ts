import type { DataSource, EntityManager } from 'typeorm';
import { insertSignatures } from '#content/push/insert-signatures.js';
import { protectDigests, stageBlobs } from '#content/uploads/store-blob.js';
import { applyChange, lockRepository, type MadeVersion, type UnitRef } from '#content/versions/apply-change.js';
import { inTransaction } from '#platform/database.js';
import { isDomainError } from '#platform/domain-error.js';
import type { BlobStore } from '#storage/blob-store.js';
import { CheckedBlob } from '#storage/checked-blob.js';
import { type NewSignature, type PreparedSignatures, prepareSignatures } from './prepare-signatures.js';
import { storeCarriers } from './store-carriers.js';

/** Where signatures are stored. */
export interface SignatureStores {
  readonly source: DataSource;
  readonly store: BlobStore;
}

/** What the storing transaction does besides. */
export interface StoreOptions {
  readonly taskId?: string;
  /** Runs first in the transaction; throwing undoes everything. */
  readonly fence?: (tx: EntityManager) => Promise<void>;
  /**
   * Runs last in it, with the signatures that could not be stored, such as one too many under its tag. Without it the
   * problem of such a signature is thrown.
   */
  readonly inCommit?: (
    tx: EntityManager,
    version: MadeVersion | undefined,
    refused: ReadonlyMap<NewSignature, Error>,
  ) => Promise<void>;
}

/** How often somebody else may be quicker at a companion tag. */
const ATTEMPTS = 10;

/**
 * Adds signatures to a repository in one new version, with the artifacts that their clients look for. Companion tags are
 * appended to: when somebody else appends at the same time, the artifact is made again from the newer one.
 */
export async function storeSignatures(
  stores: SignatureStores,
  repositoryId: string,
  signatures: readonly NewSignature[],
  options: StoreOptions = {},
): Promise<MadeVersion | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const prepared = await prepareSignatures(stores.source, repositoryId, signatures);
    const [problem] = prepared.refused.values();
    if (problem && !options.inCommit) throw problem;
    await storeBlobs(stores, repositoryId, prepared.blobs);
    try {
      return await inTransaction(stores.source, (tx) => commit(tx, repositoryId, prepared, options));
    } catch (error) {
      const raced = isDomainError(error) && error.kind === 'precondition-failed';
      if (!raced || attempt >= ATTEMPTS) throw error;
    }
  }
}

/** Blobs of one transaction: each takes a lock of the database's shared table until its end. */
const BLOB_BATCH = 256;

/** Puts small blobs into the store and the staging of a repository, each once. */
export async function storeBlobs(
  { source, store }: SignatureStores,
  repositoryId: string,
  blobs: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const digests = [...blobs.keys()].sort();
  for (let from = 0; from < digests.length; from += BLOB_BATCH) {
    const batch = digests.slice(from, from + BLOB_BATCH);
    await inTransaction(source, async (tx) => {
      await protectDigests(tx, batch);
      await store.putAll(batch.map((digest) => CheckedBlob.of(digest, Buffer.from(blobs.get(digest)!))));
      await stageBlobs(
        tx,
        batch.map((digest) => ({ repositoryId, digest, size: blobs.get(digest)!.length })),
      );
    });
  }
}

async function commit(
  tx: EntityManager,
  repositoryId: string,
  { loose, carriers, refused }: PreparedSignatures,
  options: StoreOptions,
): Promise<MadeVersion | undefined> {
  await options.fence?.(tx);
  await lockRepository(tx, repositoryId);
  const units = (await insertSignatures(tx, loose)).map((id): UnitRef => ({ id, kind: 'signature' }));
  const carried = await storeCarriers(tx, repositoryId, carriers);
  const change = { add: [...units, ...carried] };
  const version = await applyChange(tx, repositoryId, change, { taskId: options.taskId ?? null });
  await options.inCommit?.(tx, version, refused);
  return version;
}
