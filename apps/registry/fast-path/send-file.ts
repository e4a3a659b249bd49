import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';

/** Bytes read at once: large while few download, small when many do and memory counts. */
const LARGE = 1024 * 1024;
const SMALL = 128 * 1024;
const FEW = 16;
/** Pairs of buffers that wait for the next download. */
const MOST_IDLE = 4;
const idle: Buffer[][] = [];
let active = 0;

/** Opens a file of exactly this size for {@link sendFile}; throws when it is another. */
export async function openExact(path: string, size: number): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if ((await file.stat()).size !== size) throw new Error('the file does not have the size that it should have');
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Sends an open file as the body of an answer and closes it. Two buffers take turns, one is read into while the other is
 * on its way, and both are used again: a stream would make new ones for the collector with each chunk.
 */
export async function sendFile(file: FileHandle, size: number, response: ServerResponse): Promise<void> {
  active += 1;
  const chunk = active <= FEW ? LARGE : SMALL;
  const buffers = (chunk === LARGE && idle.pop()) || [Buffer.allocUnsafeSlow(chunk), Buffer.allocUnsafeSlow(chunk)];
  let closed: (() => void) | undefined;
  const gone = new Promise<never>((_, fail) => {
    closed = () => fail(new Error('the client went away'));
    response.once('close', closed);
  });
  gone.catch(() => undefined);
  try {
    let sent: Promise<void> | undefined;
    for (let at = 0, turn = 0; at < size; turn = 1 - turn) {
      const buffer = buffers[turn]!;
      const { bytesRead } = await file.read(buffer, 0, Math.min(chunk, size - at), at);
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
    if (chunk === LARGE && idle.length < MOST_IDLE) idle.push(buffers);
  } catch {
    response.destroy();
  } finally {
    active -= 1;
    await file.close();
  }
}

function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((done, fail) => {
    response.write(bytes, (error) => (error ? fail(error) : done()));
  });
}
