import { open } from 'node:fs/promises';

const CHUNK = 1 << 20;

/**
 * The bytes of a file in large chunks, the next of them being read while one is worked on. Two buffers take turns: a chunk
 * is valid until the one after it is asked for.
 */
export async function* readAhead(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    let [current, next] = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)];
    let { bytesRead } = await file.read(current, 0, CHUNK, 0);
    for (let at = bytesRead; bytesRead > 0; at += bytesRead) {
      const coming = file.read(next, 0, CHUNK, at);
      // Its failure is thrown when it is awaited, not before.
      coming.catch(() => undefined);
      try {
        yield current.subarray(0, bytesRead);
      } finally {
        await coming.catch(() => undefined);
      }
      ({ bytesRead } = await coming);
      [current, next] = [next, current];
    }
  } finally {
    await file.close();
  }
}
