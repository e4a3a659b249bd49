import { LRUCache } from 'lru-cache';

const MOST_BYTES = 4 * 1024 * 1024;
/** Larger ones are not kept. */
export const MOST_REMEMBERED = 16 * 1024;
/** What a row of the cache takes beside the bytes, about. */
const ROW = 300;

/**
 * Small blobs that repositories of this process took in or gave out lately: a manifest mostly follows its config at once.
 * That a repository still has a blob is for the transaction that stores the manifest to say.
 */
const recent = new LRUCache<string, Buffer>({ maxSize: MOST_BYTES, sizeCalculation: ({ length }) => length + ROW });

/** Keeps bytes that have this digest. */
export function rememberBlob(repositoryId: string, digest: string, bytes: Buffer): void {
  if (bytes.length > MOST_REMEMBERED) return;
  // Small buffers are slices of larger ones, which the cache would keep alive.
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  recent.set(keyOf(repositoryId, digest), own);
}

/** The bytes of a blob that the repository had lately; undefined when they have to be read. */
export function recentBlob(repositoryId: string, digest: string): Buffer | undefined {
  return recent.get(keyOf(repositoryId, digest));
}

const keyOf = (repositoryId: string, digest: string) => `${repositoryId} ${digest}`;
