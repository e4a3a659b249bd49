import { randomBytes } from 'node:crypto';
import { BlobBytes } from '#content/bytes/blob-bytes.js';
import { storeManifest } from '#content/push/store-manifest.js';
import { applyChange } from '#content/versions/apply-change.js';
import { createRepository } from '#content/versions/create-repository.js';
import type { RepositoryType } from '#content/versions/repository.entity.js';
import { digestOf } from '#oci/digest.js';
import { newId } from '#platform/identifiers.js';
import { FileStore } from '#storage/file-store.js';
import { makeImage } from '../content/content-factory.js';
import type { ApiProcess } from './api-process.js';

/** A repository with one tagged image whose bytes are in the store. */
export interface StoredImage {
  readonly repositoryId: string;
  readonly href: string;
  readonly digest: string;
  readonly blobs: readonly string[];
}

/** The store that the API uses. */
export const storeOf = (api: ApiProcess): BlobBytes => new BlobBytes(filesOf(api), api.source);

/** The files of it, without the blobs that are in their rows. */
export const filesOf = (api: ApiProcess): FileStore => new FileStore(api.dataDir, false);

/** Makes a repository with the tag `latest`. */
export async function storeImage(
  api: ApiProcess,
  name: string,
  type: RepositoryType = 'container',
): Promise<StoredImage> {
  const bytes = [randomBytes(64), randomBytes(256)];
  const store = storeOf(api);
  for (const each of bytes) await store.putBytes(digestOf(each), each);
  return api.source.transaction(async (tx) => {
    const repositoryId = await createRepository(tx, { type, name });
    const draft = await makeImage(tx, repositoryId, { blobs: bytes });
    await storeManifest(tx, { repositoryId, draft, tags: ['latest'] });
    return {
      repositoryId,
      href: `/pulp/api/v3/repositories/container/${type}/${repositoryId}/`,
      digest: draft.digest,
      blobs: bytes.map((each) => digestOf(each)),
    };
  });
}

/** Puts a signature of the image into its repository; it is one in name only. */
export async function signImage(api: ApiProcess, image: StoredImage, keyId: string): Promise<string> {
  const id = newId();
  const bytes = randomBytes(64);
  const name = `${image.digest}@${randomBytes(16).toString('hex')}`;
  await api.source.transaction(async (tx) => {
    await tx.query(
      `insert into signature (id, format, scheme, manifest_digest, name, digest, bytes, key_id)
       values ($1, 'simple', 'atomic', $2, $3, $4, $5, $6)`,
      [id, image.digest, name, digestOf(bytes), bytes, keyId],
    );
    await applyChange(tx, image.repositoryId, { add: [{ id, kind: 'signature' }] });
  });
  return id;
}
