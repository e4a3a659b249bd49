import type { HallmarkConfig } from '#platform/config.js';
import type { BlobStore } from './blob-store.js';
import { FileStore } from './file-store.js';

/** The store that the settings ask for; the S3 client is loaded only when it is needed. */
export async function blobStoreOf(config: HallmarkConfig): Promise<BlobStore> {
  if (config.storage === 'file') return new FileStore(config.dataDir, config.fsync);
  const { S3Store } = await import('./s3-store.js');
  return new S3Store(config);
}
