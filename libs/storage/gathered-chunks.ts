import type { Readable } from 'node:stream';
import { DomainError } from '#platform/domain-error.js';
import type { AppendLimits } from './blob-store.js';
import type { RunningDigest } from './digest-stream.js';
import { tooLarge } from './storage-errors.js';

const MOST_BUFFERS = 256;

/** Bounds of {@link gatherChunks}. */
export interface GatherOptions {
  /** Bytes that make a batch. */
  readonly batchBytes: number;
  /** Most bytes that are taken now. */
  readonly most: number;
  /** The limit that a refusal names. */
  readonly limit: number;
  /** Milliseconds in which at least {@link idleBytes} must come, or the stream is destroyed. */
  readonly idleMs: number | undefined;
  readonly idleBytes: number;
  /** Called with each chunk as it comes. */
  readonly seen: (chunk: Buffer) => void;
  /** Chunks are freed as soon as the sink has written them. */
  readonly freesChunks?: boolean | undefined;
}

/** The bounds of an append at an offset; chunks are hashed when the hash of what is before them is known. */
export function gatherOptions(
  batchBytes: number,
  offset: number,
  { maxTotal = Number.MAX_SAFE_INTEGER, idleMs, idleBytes = 1 }: AppendLimits,
  running: RunningDigest | undefined,
): GatherOptions {
  const seen = (chunk: Buffer) => running?.update(chunk);
  return { batchBytes, most: maxTotal - offset, limit: maxTotal, idleMs, idleBytes, seen };
}

/** Keeps a stream that breaks before it is read from ending the process; the break is seen when it is read. */
export function expectErrors(stream: Readable): void {
  stream.on('error', () => undefined);
}

/** Where batches go, one at a time; `end` is called last, also after a failure, and waits for what still runs. */
export interface BatchSink {
  write(batch: Buffer[], bytes: number): Promise<void>;
  end(): Promise<void>;
}

/** How a stream ended before its end. */
export interface BrokenOff {
  readonly error: unknown;
}

/**
 * Gathers a stream into batches for one write of the sink each. One batch is written while the next one is gathered and hashed;
 * no more is read meanwhile. When the stream breaks off, what came is given to the sink first, and the break is returned;
 * only the failures of the sink are thrown.
 */
export async function gatherChunks(
  stream: Readable,
  options: GatherOptions,
  sink: BatchSink,
): Promise<BrokenOff | undefined> {
  const reader = new ChunkReader(stream, options);
  const writer = new BatchWriter(sink, options.freesChunks === true);
  let total = 0;
  try {
    for (let next = await reader.next(); ; next = await reader.next()) {
      if (!next.chunk) {
        await writer.end();
        return next.broken;
      }
      if (total + next.chunk.length > options.most) {
        await writer.end();
        return { error: tooLarge(options.limit) };
      }
      total += next.chunk.length;
      options.seen(next.chunk);
      await writer.add(next.chunk, options.batchBytes);
    }
  } finally {
    reader.stop();
    await sink.end();
  }
}

/** Keeps one batch in writing and one in gathering. */
class BatchWriter {
  #batch: Buffer[] = [];
  #held = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly sink: BatchSink,
    private readonly freesChunks: boolean,
  ) {}

  async add(chunk: Buffer, batchBytes: number): Promise<void> {
    this.#batch.push(chunk);
    this.#held += chunk.length;
    if (this.#held >= batchBytes || this.#batch.length >= MOST_BUFFERS) await this.#flush();
  }

  async end(): Promise<void> {
    await this.#flush();
    await this.#writing;
  }

  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#held === 0) return;
    this.#writing = this.#write(this.#batch, this.#held);
    this.#writing.catch(() => undefined);
    [this.#batch, this.#held] = [[], 0];
  }

  async #write(batch: Buffer[], bytes: number): Promise<void> {
    await this.sink.write(batch, bytes);
    if (this.freesChunks) for (const chunk of batch) free(chunk);
  }
}

/**
 * Gives the memory of a chunk back now. Left to the collector, chunks of 64 KiB make it walk the whole heap every 40 MiB,
 * which costs as much as hashing and writing together. A part of a larger buffer is left alone: others may be in it. Node 20
 * cannot give memory back.
 */
function free({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && 'transfer' in buffer) buffer.transfer(0);
}

/** Reads chunks without destroying the stream when the reader goes away, and destroys it when too little comes. */
class ChunkReader {
  #chunks: AsyncIterator<unknown>;
  #timer: NodeJS.Timeout | undefined;
  #waiting = false;
  #lately = 0;

  constructor(stream: Readable, { idleMs, idleBytes }: GatherOptions) {
    this.#chunks = stream.iterator({ destroyOnReturn: false });
    if (idleMs === undefined) return;
    this.#timer = setInterval(() => {
      if (this.#waiting && this.#lately < idleBytes) stream.destroy(tooSlow(idleMs, this.#lately));
      this.#lately = 0;
    }, idleMs);
  }

  async next(): Promise<{ chunk?: Buffer; broken?: BrokenOff }> {
    this.#waiting = true;
    try {
      const { done, value } = await this.#chunks.next();
      if (done) return {};
      const chunk = Buffer.isBuffer(value) ? value : Buffer.from(value as Uint8Array | string);
      this.#lately += chunk.length;
      return { chunk };
    } catch (error) {
      return { broken: { error } };
    } finally {
      this.#waiting = false;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    void this.#chunks.return?.();
  }
}

const tooSlow = (idleMs: number, bytes: number) =>
  new DomainError('invalid', 'BLOB_UPLOAD_INVALID', `only ${bytes} bytes came in ${idleMs / 1000} s`);
