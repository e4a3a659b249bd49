import type { Readable } from 'node:stream';
import { DomainError } from '#platform/domain-error.js';
import type { AppendLimits } from './blob-store.js';
import type { BlockDigest } from './block-digest.js';
import { tooLarge } from './storage-errors.js';

/** Size of a block. */
export const BLOCK_BYTES = 512 * 1024;

/** Blocks of a stream that may wait to be hashed and written while the next one is gathered. */
const MOST_UNWRITTEN = 4;

/** Blocks of all streams that wait; when there are more, each stream waits for its own, so that memory stays small. */
const MOST_OF_ALL = 16;

/** Bounds of {@link gatherChunks}. */
export interface GatherOptions {
  /** Most bytes that are taken now. */
  readonly most: number;
  /** The limit that a refusal names. */
  readonly limit: number;
  /** Milliseconds in which at least {@link idleBytes} must come, or the stream is destroyed. */
  readonly idleMs: number | undefined;
  readonly idleBytes: number;
  /** Nobody else holds the chunks, so that each is freed as soon as it is copied. */
  readonly ownsChunks: boolean;
}

/** The bounds of an append at an offset. */
export function gatherOptions(
  offset: number,
  { maxTotal = Number.MAX_SAFE_INTEGER, idleMs, idleBytes = 1, ownsChunks = false }: AppendLimits,
): GatherOptions {
  return { most: maxTotal - offset, limit: maxTotal, idleMs, idleBytes, ownsChunks };
}

/** Keeps a stream that breaks before it is read from ending the process; the break is seen when it is read. */
export function expectErrors(stream: Readable): void {
  stream.on('error', () => undefined);
}

/** Where blocks go, one at a time; `end` is called last, also after a failure, and waits for what still runs. */
export interface BlockSink {
  /** The block is used again when this ends. */
  write(block: Buffer): Promise<void>;
  end(): Promise<void>;
}

/** What came of a stream. */
export interface Gathered {
  /** How many bytes the sink got. */
  readonly bytes: number;
  /** How the stream ended before its end. */
  readonly broken?: { readonly error: unknown } | undefined;
}

/**
 * Gathers a stream into blocks for one write of the sink each, hashed before when there is a digest to be made. A few are
 * hashed and written while the next one is gathered; no more is read meanwhile. When the stream breaks off, what came is
 * given to the sink first, and the break is returned; only the failures of the sink and of hashing are thrown.
 */
export async function gatherChunks(
  stream: Readable,
  options: GatherOptions,
  sink: BlockSink,
  digest?: BlockDigest,
): Promise<Gathered> {
  const reader = new ChunkReader(stream, options);
  const writer = new BlockWriter(sink, options, digest);
  let bytes = 0;
  try {
    for (let next = await reader.next(); ; next = await reader.next()) {
      if (!next.chunk) {
        await writer.end();
        return { bytes, broken: next.broken };
      }
      if (bytes + next.chunk.length > options.most) {
        await writer.end();
        return { bytes, broken: { error: tooLarge(options.limit) } };
      }
      bytes += next.chunk.length;
      await writer.add(next.chunk);
    }
  } finally {
    reader.stop();
    await sink.end();
  }
}

/** Copies chunks into blocks and has them written in their order. Blocks are used again, and freed at the end. */
class BlockWriter {
  static #ofAll = 0;
  #block: Buffer<ArrayBuffer> | undefined;
  #held = 0;
  readonly #size: number;
  readonly #spare: Buffer<ArrayBuffer>[] = [];
  /** Each one waits for the one before, and fails with it. */
  readonly #unwritten: Promise<void>[] = [];

  constructor(
    private readonly sink: BlockSink,
    private readonly options: Pick<GatherOptions, 'most' | 'ownsChunks'>,
    private readonly digest: BlockDigest | undefined,
  ) {
    this.#size = Math.min(BLOCK_BYTES, options.most);
  }

  async add(chunk: Buffer): Promise<void> {
    for (let taken = 0; taken < chunk.length;) {
      const block = (this.#block ??= this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#size));
      const copied = chunk.copy(block, this.#held, taken);
      taken += copied;
      this.#held += copied;
      if (this.#held === block.length) await this.#flush(block);
    }
    if (this.options.ownsChunks) freeWhole(chunk);
  }

  async end(): Promise<void> {
    if (this.#block) await this.#flush(this.#block.subarray(0, this.#held));
    await this.#unwritten.at(-1);
    for (const { buffer } of this.#spare) buffer.transfer(0);
  }

  async #flush(block: Buffer<ArrayBuffer>): Promise<void> {
    [this.#block, this.#held] = [undefined, 0];
    const writing = this.#write(block, this.#unwritten.at(-1));
    writing.catch(() => undefined);
    this.#unwritten.push(writing);
    while (this.#unwritten.length >= this.#most()) await this.#unwritten.shift();
  }

  #most(): number {
    return BlockWriter.#ofAll > MOST_OF_ALL ? 1 : MOST_UNWRITTEN;
  }

  async #write(block: Buffer<ArrayBuffer>, before: Promise<void> | undefined): Promise<void> {
    BlockWriter.#ofAll += 1;
    try {
      const hashed = this.digest ? await this.digest.update(block) : block;
      await before;
      await this.sink.write(hashed);
      if (hashed.length === this.#size && this.#spare.length < this.#most()) this.#spare.push(hashed);
      else hashed.buffer.transfer(0);
    } finally {
      BlockWriter.#ofAll -= 1;
    }
  }
}

/**
 * Gives the memory of a chunk back now. Left to the collector, chunks of 64 KiB make it walk the whole heap every 40 MiB,
 * which costs as much as hashing and writing together. A part of a larger buffer is left alone: others may be in it.
 */
function freeWhole({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
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

  async next(): Promise<{ chunk?: Buffer; broken?: Gathered['broken'] }> {
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
