import { Readable } from 'node:stream';
import type { AppendLimits } from '#storage/blob-store.js';
import { expectErrors, gatherChunks, gatherOptions } from '#storage/gathered-chunks.js';
import { MOST_IN_ROW } from '../bytes/blob-bytes.js';
import type { Chunk } from './receive-blob.js';

/** True for a chunk that says that it is a whole body, and a small one: about what a socket hands over at once. */
export function isSmall({ start, length }: Chunk, maxTotal = MOST_IN_ROW): boolean {
  return start === undefined && length !== undefined && length > 0 && length <= Math.min(MOST_IN_ROW, maxTotal);
}

/**
 * Reads a small chunk into memory. There are no `bytes` when it broke off or has another length than it says; `replay`
 * gives what came as a stream again, with the break at its end.
 */
export async function gatherSmall(
  chunk: Chunk,
  limits: AppendLimits,
): Promise<{ bytes: Buffer | undefined; replay(): Readable }> {
  const { bytes: stream } = chunk;
  expectErrors(stream);
  let bytes = Buffer.alloc(0);
  const sink = {
    write: async (block: Buffer) => void (bytes = Buffer.concat([bytes, block])),
    end: async () => undefined,
  };
  const { broken } = await gatherChunks(stream, gatherOptions(0, { ...limits, maxTotal: MOST_IN_ROW }), sink);
  async function* again() {
    if (bytes.length > 0) yield bytes;
    if (broken) throw broken.error;
  }
  return {
    bytes: broken || bytes.length !== chunk.length ? undefined : bytes,
    replay: () => Readable.from(again(), { objectMode: false }),
  };
}
