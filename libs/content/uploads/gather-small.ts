import { finished, Readable } from 'node:stream';
import { expectErrors } from '#storage/gathered-chunks.js';
import { MOST_IN_ROW } from '../bytes/blob-bytes.js';
import type { Chunk } from './receive-blob.js';

/** Milliseconds in which a small body is here, unless its sender is slow: then it is stored as it comes. */
const PATIENCE = 250;

/** True for a chunk that says that it is a whole body, and a small one: about what a socket hands over at once. */
export function isSmall({ start = 0, length = 0 }: Pick<Chunk, 'start' | 'length'>, maxTotal = MOST_IN_ROW): boolean {
  return start === 0 && length > 0 && length <= Math.min(MOST_IN_ROW, maxTotal);
}

/** A small chunk in memory: the bytes, or when there are not as many as it says, or not in time, the chunk to be read anew. */
export type Gathered = { readonly bytes: Buffer } | { readonly bytes?: undefined; readonly rest: Readable };

/** Reads a small chunk into memory. What broke off is given back with the break at its end. */
export function gatherSmall({ bytes: stream, length = 0 }: Chunk, patience = PATIENCE): Promise<Gathered> {
  const parts: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const take = (part: Buffer) => {
      parts.push(part);
      if ((size += part.length) > length) tooSlow();
    };
    const stop = () => {
      clearTimeout(timer);
      stream.off('data', take).pause();
      forget();
      return Buffer.concat(parts);
    };
    const tooSlow = () => {
      const bytes = stop();
      if (bytes.length > 0) stream.unshift(bytes);
      resolve({ rest: stream });
    };
    const timer = setTimeout(tooSlow, patience);
    const forget = finished(stream, { writable: false }, (error) => {
      const bytes = stop();
      resolve(!error && bytes.length === length ? { bytes } : { rest: again(bytes, error) });
    });
    expectErrors(stream);
    stream.on('data', take).resume();
  });
}

function again(bytes: Buffer, error: Error | null | undefined): Readable {
  async function* replay() {
    if (bytes.length > 0) yield bytes;
    if (error) throw error;
  }
  return Readable.from(replay(), { objectMode: false });
}
