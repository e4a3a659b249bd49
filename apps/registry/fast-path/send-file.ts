import { closeSync, constants, fstatSync, open, read } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import type { ByteRange } from '#storage/blob-store.js';

/** Bytes read at once: large while few download, small when many do and memory counts. */
const LARGE = 1024 * 1024;
const SMALL = 128 * 1024;
const FEW = 16;
/** Large buffers that wait for the next download. */
const MOST_IDLE = 8;
const idle: Buffer[] = [];
let active = 0;

const [openFile, readFile] = [promisify(open), promisify(read)];

/**
 * Opens a file of exactly this size for {@link sendFile} and gives its descriptor; throws when it is another. What the
 * kernel knows of an open file it says in a microsecond: to ask it from another thread would cost ten.
 */
export async function openExact(path: string, size: number): Promise<number> {
  const file = await openFile(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  if (fstatSync(file).size === size) return file;
  closeSync(file);
  throw new Error('the file does not have the size that it should have');
}

/**
 * Sends a range of an open file as the body of an answer and closes it. Two buffers take turns, one is read into while the
 * other is on its way, and both are used again: a stream would make new ones for the collector with each chunk.
 */
export async function sendFile(file: number, { start, end }: ByteRange, response: ServerResponse): Promise<void> {
  active += 1;
  const chunk = active <= FEW ? LARGE : SMALL;
  const buffers: Buffer[] = [];
  let closed: (() => void) | undefined;
  const gone = new Promise<never>((_, fail) => {
    closed = () => fail(new Error('the client went away'));
    response.once('close', closed);
  });
  gone.catch(() => undefined);
  try {
    let sent: Promise<void> | undefined;
    for (let at = start, turn = 0; at <= end; turn = 1 - turn) {
      const buffer = (buffers[turn] ??= (chunk === LARGE && idle.pop()) || Buffer.allocUnsafeSlow(chunk));
      const { bytesRead } = await readFile(file, buffer, 0, Math.min(chunk, end + 1 - at), at);
      if (bytesRead === 0) throw new Error('the file has become shorter');
      if (sent) await Promise.race([sent, gone]);
      sent = write(response, buffer.subarray(0, bytesRead));
      sent.catch(() => undefined);
      at += bytesRead;
    }
    if (sent) await Promise.race([sent, gone]);
    response.off('close', closed!);
    response.end();
    // After a failure the buffers may still be on their way, and are left to the collector.
    if (chunk === LARGE) idle.push(...buffers.slice(0, MOST_IDLE - idle.length));
  } catch {
    response.destroy();
  } finally {
    active -= 1;
    closeSync(file);
  }
}

function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((done, fail) => {
    response.write(bytes, (error) => (error ? fail(error) : done()));
  });
}
