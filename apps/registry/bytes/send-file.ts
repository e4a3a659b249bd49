import { read } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { ByteRange } from '#storage/blob-store.js';
import { BufferPool } from './buffer-pool.js';
import { type OpenFile, OpenFiles } from './open-files.js';

const KIB = 1024;

/** How those are served who begin when no more than so many download. */
interface Serving {
  readonly upTo: number;
  readonly pool: BufferPool;
}

/**
 * Bytes are read so many at once as stay in the cache of a core until they are sent, and fewer when many download: a client
 * that stops reading keeps two buffers for as long as it may. Those of five thousand come to 130 MiB; at most 18 MiB wait
 * for the next download.
 */
const SERVINGS: readonly Serving[] = [
  { upTo: 16, pool: new BufferPool(512 * KIB, 16) },
  { upTo: 96, pool: new BufferPool(128 * KIB, 64) },
  { upTo: 512, pool: new BufferPool(32 * KIB, 64) },
  { upTo: Infinity, pool: new BufferPool(8 * KIB, 64) },
];
let active = 0;

const files = new OpenFiles();

/** Opens a file of exactly this size for {@link sendFile}; throws when it is another. */
export function openExact(path: string, size: number): Promise<OpenFile> {
  return files.open(path, size);
}

/** Sends a range of an open file as the body of an answer and releases it; ends when it is sent or cannot be. */
export function sendFile(file: OpenFile, range: ByteRange, response: ServerResponse): Promise<void> {
  return new Promise((over) => new Sending(file, range, response, over).start());
}

/**
 * Two buffers take turns, one is read into while the other is on its way, and both are used again: a stream would make new
 * ones for the collector with each chunk. In callbacks, for the promises of a chunk would be a twentieth of what it costs.
 */
class Sending {
  #at: number;
  readonly #end: number;
  readonly #pool: BufferPool;
  readonly #buffers: Buffer[] = [];
  #turn = 0;
  /** What was read and waits for the chunk before it. */
  #next: Buffer | undefined;
  #isReading = false;
  #isWriting = false;
  #hasFailed = false;
  #isOver = false;

  constructor(
    private readonly file: OpenFile,
    { start, end }: ByteRange,
    private readonly response: ServerResponse,
    private readonly over: () => void,
  ) {
    this.#at = start;
    this.#end = end + 1;
    active += 1;
    this.#pool = SERVINGS.find(({ upTo }) => active <= upTo)!.pool;
  }

  start(): void {
    // Nothing tells of a client that went away while the file was opened.
    if (this.response.destroyed) return this.#fail();
    this.response.once('close', this.#fail);
    this.#read();
  }

  #read(): void {
    const buffer = (this.#buffers[this.#turn] ??= this.#pool.take());
    this.#isReading = true;
    read(this.file.descriptor, buffer, 0, Math.min(buffer.length, this.#end - this.#at), this.#at, this.#afterRead);
  }

  readonly #afterRead = (error: Error | null, bytes: number, buffer: Buffer): void => {
    this.#isReading = false;
    // Without a byte the file has become shorter.
    if (error || bytes === 0 || this.#hasFailed) return this.#fail();
    this.#at += bytes;
    this.#next = bytes === buffer.length ? buffer : buffer.subarray(0, bytes);
    if (!this.#isWriting) this.#write(this.#next);
  };

  #write(bytes: Buffer): void {
    this.#next = undefined;
    this.#isWriting = true;
    this.#turn = 1 - this.#turn;
    if (this.#at === this.#end) this.response.end(bytes, this.#afterWrite);
    else {
      this.response.write(bytes, this.#afterWrite);
      this.#read();
    }
  }

  readonly #afterWrite = (error?: Error | null): void => {
    this.#isWriting = false;
    if (error || this.#hasFailed) this.#fail();
    else if (this.#next) this.#write(this.#next);
    else if (!this.#isReading) this.#succeed();
  };

  #succeed(): void {
    this.response.off('close', this.#fail);
    for (const buffer of this.#buffers) this.#pool.giveBack(buffer);
    this.#finish();
  }

  /** A read that runs still uses the file; the buffers may be on their way yet and are left to the collector. */
  readonly #fail = (): void => {
    this.#hasFailed = true;
    this.response.destroy();
    if (!this.#isReading) this.#finish();
  };

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    active -= 1;
    this.file.release();
    this.over();
  }
}
