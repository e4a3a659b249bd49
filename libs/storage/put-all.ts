import { settled } from '#platform/settled.js';
import type { BlobStore, PreparedBlob } from './blob-store.js';
import type { CheckedBlob } from './checked-blob.js';

/** {@link BlobStore.putAll}: all are prepared side by side before the first gets its name. */
export async function putAll(store: BlobStore, blobs: readonly CheckedBlob[]): Promise<void> {
  const prepared: PreparedBlob[] = [];
  try {
    await settled(blobs.map(async (blob) => void prepared.push(await store.prepare(blob))));
    await store.placeAll(prepared);
  } finally {
    await settled(prepared.map((blob) => blob.discard()));
  }
}
