import type { Readable } from 'node:stream';
import type { DigestAlgorithm } from '#oci/digest.js';
import { BlockDigest } from './block-digest.js';
import { gatherChunks, gatherOptions } from './gathered-chunks.js';

const nowhere = { write: () => Promise.resolve(), end: () => Promise.resolve() };

/** Reads a stream to its end and gives its digest and size; throws what the stream breaks off with. */
export async function digestOfStream(bytes: Readable, algorithm: DigestAlgorithm): Promise<BlockDigest> {
  const digest = new BlockDigest(algorithm);
  const { broken } = await gatherChunks(bytes, gatherOptions(0, {}), nowhere, digest);
  if (broken) throw broken.error;
  return digest;
}
