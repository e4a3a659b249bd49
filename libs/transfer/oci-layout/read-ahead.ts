import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ByteRange } from '#storage/blob-store.js';

/** Bytes of a chunk. */
export const CHUNK = 1 << 20;

/** Buffers that take turns: with new ones for each chunk, collecting them costs more than all else together. */
export class BufferRing {
  private readonly buffers: Buffer[] = [];
  private turn = 0;

  constructor(private readonly count: number) {}

  /** The next buffer; it is given again after all others were. */
  next(): Buffer {
    this.turn = (this.turn + 1) % this.count;
    return (this.buffers[this.turn] ??= Buffer.allocUnsafeSlow(CHUNK));
  }
}

/**
 * The bytes of a file, or of a range of it, in large chunks, the next of them being read while one is worked on. With a ring
 * of n buffers a chunk is valid until n - 1 further ones are asked for.
 */
export async function* readAhead(path: string, ring = new BufferRing(2), range?: ByteRange): AsyncGenerator<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const end = range ? range.end + 1 : Number.MAX_SAFE_INTEGER;
  const readAt = async (at: number) => {
    const buffer = ring.next();
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, end - at), at);
    return buffer.subarray(0, bytesRead);
  };
  try {
    let at = range?.start ?? 0;
    let chunk = await readAt(at);
    while (chunk.length > 0) {
      at += chunk.length;
      const coming = at < end ? readAt(at) : Promise.resolve(chunk.subarray(0, 0));
      // Its failure is thrown when it is awaited, not before.
      coming.catch(() => undefined);
      try {
        yield chunk;
      } finally {
        await coming.catch(() => undefined);
      }
      chunk = await coming;
    }
  } finally {
    await file.close();
  }
}
