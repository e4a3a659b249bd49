import { RequestTimeoutException } from '@nestjs/common';
import type { Readable } from 'node:stream';

/** A body that is read into memory is refused after so many times of being idle, however it drips. */
const DRIPS = 2;

/** What a body may take. */
export interface Patience {
  /** Without a byte for so long it is refused. */
  readonly idleMs: number;
  /** All of it is small: it must be here within twice that. */
  readonly small?: boolean;
}

/**
 * The chunks of a body as they come in. One that comes too slowly is refused with 408; the stream is left as it is, so that the
 * answer can still be sent. The time that the reader takes for a chunk does not count as idle.
 */
export async function* timelyChunks(body: Readable, { idleMs, small = false }: Patience): AsyncGenerator<Buffer> {
  const end = small ? performance.now() + DRIPS * idleMs : Infinity;
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const { done, value } = await within(chunks.next(), Math.min(idleMs, end - performance.now()));
      if (done) return;
      yield value;
    }
  } finally {
    // Otherwise nobody could take what is left from the connection. One that comes too slowly is not waited for.
    void chunks.return?.();
  }
}

async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_done, fail) => {
    timer = setTimeout(() => fail(new RequestTimeoutException('The body came too slowly.')), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
