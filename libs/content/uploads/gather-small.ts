import { Readable } from 'node:stream';
import type { AppendLimits } from '#storage/blob-store.js';
import { expectErrors, gatherChunks, gatherOptions } from '#storage/gathered-chunks.js';
import type { Chunk } from './receive-blob.js';

/** About what a socket hands over at once: a body of this size costs in memory what its stream would. */
const MOST_BYTES = 64 * 1024;

/** True for a chunk that says it is a whole small body. */
export function isSmall({ start, length }: Chunk, maxTotal = MOST_BYTES): boolean {
  return start === undefined && length !== undefined && length > 0 && length <= Math.min(MOST_BYTES, maxTotal);
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
  const { broken } = await gatherChunks(stream, gatherOptions(0, { ...limits, maxTotal: MOST_BYTES }), sink);
  async function* again() {
    if (bytes.length > 0) yield bytes;
    if (broken) throw broken.error;
  }
  return {
    bytes: broken || bytes.length !== chunk.length ? undefined : bytes,
    replay: () => Readable.from(again(), { objectMode: false }),
  };
}
