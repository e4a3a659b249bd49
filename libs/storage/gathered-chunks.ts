import type { Readable } from 'node:stream';
import { DomainError } from '#platform/domain-error.js';
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
  /** Milliseconds without a byte after which the stream is destroyed. */
  readonly idleMs: number | undefined;
  /** Called with each chunk as it comes. */
  readonly seen: (chunk: Buffer) => void;
}

/** Keeps a stream that breaks before it is read from ending the process; the break is seen when it is read. */
export function expectErrors(stream: Readable): void {
  stream.on('error', () => undefined);
}

/** How a stream ended before its end. */
export interface BrokenOff {
  readonly error: unknown;
}

/**
 * Gathers a stream into batches for one `sink` call each. One batch is written while the next one is gathered and hashed;
 * no more is read meanwhile. When the stream breaks off, what came is given to the sink first, and the break is returned;
 * only the failures of the sink are thrown.
 */
export async function gatherChunks(
  stream: Readable,
  options: GatherOptions,
  sink: (batch: Buffer[], bytes: number) => Promise<void>,
): Promise<BrokenOff | undefined> {
  const reader = new ChunkReader(stream, options.idleMs);
  const writer = new BatchWriter(sink);
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
  }
}

/** Keeps one batch in writing and one in gathering. */
class BatchWriter {
  #batch: Buffer[] = [];
  #held = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(private readonly sink: (batch: Buffer[], bytes: number) => Promise<void>) {}

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
    this.#writing = this.sink(this.#batch, this.#held);
    this.#writing.catch(() => undefined);
    [this.#batch, this.#held] = [[], 0];
  }
}

/** Reads chunks without destroying the stream when the reader goes away, and destroys it when nothing comes. */
class ChunkReader {
  #chunks: AsyncIterator<unknown>;
  #timer: NodeJS.Timeout | undefined;
  #waiting = false;

  constructor(stream: Readable, idleMs: number | undefined) {
    this.#chunks = stream.iterator({ destroyOnReturn: false });
    if (idleMs === undefined) return;
    this.#timer = setTimeout(() => {
      if (this.#waiting) stream.destroy(idleFor(idleMs));
      else this.#timer?.refresh();
    }, idleMs);
  }

  async next(): Promise<{ chunk?: Buffer; broken?: BrokenOff }> {
    this.#waiting = true;
    try {
      const { done, value } = await this.#chunks.next();
      if (done) return {};
      return { chunk: Buffer.isBuffer(value) ? value : Buffer.from(value as Uint8Array | string) };
    } catch (error) {
      return { broken: { error } };
    } finally {
      this.#waiting = false;
      this.#timer?.refresh();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    void this.#chunks.return?.();
  }
}

const idleFor = (idleMs: number) =>
  new DomainError('invalid', 'BLOB_UPLOAD_INVALID', `no bytes came for ${idleMs / 1000} s`);
