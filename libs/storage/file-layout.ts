import { opendir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { algorithmOf, hexOf, isDigest, type Digest } from '#oci/digest.js';
import type { StoredBlob } from './blob-store.js';
import { checkedDigest, checkedUploadId, hasCode, isUploadId } from './storage-errors.js';

/** Where blobs and uploads lie under the data folder. Both are of one file system, so that a rename publishes a blob. */
export class FileLayout {
  readonly blobs: string;
  readonly uploads: string;

  constructor(dataDir: string) {
    this.blobs = join(dataDir, 'blobs');
    this.uploads = join(dataDir, 'uploads');
  }

  /** `blobs/<algorithm>/<first 2 hex>`. */
  shard(digest: Digest): string {
    return join(this.blobs, algorithmOf(checkedDigest(digest)), hexOf(digest).slice(0, 2));
  }

  /** The file of a blob. */
  blob(digest: Digest): string {
    return join(this.shard(digest), hexOf(digest));
  }

  /** The file of the bytes of an upload session. */
  upload(uploadId: string): string {
    return join(this.uploads, checkedUploadId(uploadId));
  }

  /** Every blob that lies here; files of other names are passed over. */
  async *listBlobs(): AsyncGenerator<StoredBlob> {
    for (const algorithm of ['sha256', 'sha512'])
      for await (const shard of names(join(this.blobs, algorithm)))
        for await (const hex of names(join(this.blobs, algorithm, shard))) {
          const digest = `${algorithm}:${hex}`;
          const found = isDigest(digest) ? await statOf(this.blob(digest)) : undefined;
          if (found) yield { digest, size: found.size, storedAt: found.mtime };
        }
  }

  /** Every upload with bytes here. */
  async *listUploads(): AsyncGenerator<{ uploadId: string; touchedAt: Date }> {
    for await (const uploadId of names(this.uploads)) {
      const found = isUploadId(uploadId) ? await statOf(this.upload(uploadId)) : undefined;
      if (found) yield { uploadId, touchedAt: found.mtime };
    }
  }
}

/** What is known of a file; undefined when there is none. */
export async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Removes a file; quiet when there is none. `rm` would look at it twice before. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

async function* names(folder: string): AsyncGenerator<string> {
  try {
    for await (const entry of await opendir(folder)) yield entry.name;
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}
