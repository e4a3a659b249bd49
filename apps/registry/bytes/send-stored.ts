import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { FoundBlob } from '#content/read/find-manifest.js';
import type { BlobStore, ByteRange } from '#storage/blob-store.js';
import { openExact, sendFile } from './send-file.js';

/**
 * Sends a range of a blob from the store as the body of an answer, whose head `begin` writes as soon as the bytes are sure
 * to come. Throws what the store throws when nothing has been sent yet.
 */
export async function sendStored(
  store: BlobStore,
  { digest, size }: Pick<FoundBlob, 'digest' | 'size'>,
  range: ByteRange,
  response: ServerResponse,
  begin: () => void,
): Promise<void> {
  const path = store.localPath?.(digest, size);
  // The store says what is wrong with a file that is not as it should be.
  const file = path === undefined ? undefined : await openExact(path, size).catch(() => undefined);
  const bytes = file ? undefined : await store.open(digest, range, size);
  begin();
  if (file) void sendFile(file, range, response);
  // A client that goes away in the middle is nothing unusual.
  else pipeline(bytes!, response, () => undefined);
}

/** The range that is all of a blob of this size. */
export function wholeOf(size: number): ByteRange {
  return { start: 0, end: size - 1 };
}
