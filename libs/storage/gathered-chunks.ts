import type { Readable } from 'node:stream';
import type { AppendLimits } from './blob-store.js';
import type { BlockDigest } from './block-digest.js';
import { type Broken, flowInto, type Pace } from './flow-into.js';
import { tooLarge } from './storage-errors.js';

/** Size of a block. */
export const BLOCK_BYTES = 512 * 1024;

/** Blocks of a stream that may wait to be hashed and written while the next one is gathered. */
const MOST_UNWRITTEN = 4;

/** Blocks of all streams that wait; when there are more, each stream waits for its own, so that memory stays small. */
const MOST_OF_ALL = 16;

/** Bounds of {@link gatherChunks}. */
export interface GatherOptions extends Pace {
  /** Most bytes that are taken now. */
  readonly most: number;
  /** The limit that a refusal names. */
  readonly limit: number;
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
  readonly broken?: Broken | undefined;
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
  const writer = new BlockWriter(sink, options, digest);
  let bytes = 0;
  let refused: Broken | undefined;
  const take = (chunk: Buffer) => {
    if (bytes + chunk.length > options.most) {
      refused = { error: tooLarge(options.limit) };
      return false;
    }
    bytes += chunk.length;
    return writer.add(chunk);
  };
  try {
    const broken = await flowInto(stream, take, options);
    await writer.end();
    return { bytes, broken: refused ?? broken };
  } finally {
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

  /** Takes a chunk, from a byte of it on; a promise when nothing else may come until it is kept. */
  add(chunk: Buffer, from = 0): Promise<void> | undefined {
    for (let taken = from; taken < chunk.length;) {
      const block = (this.#block ??= this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#size));
      const copied = chunk.copy(block, this.#held, taken);
      taken += copied;
      this.#held += copied;
      if (this.#held < block.length) continue;
      this.#handOver(block);
      if (this.#isFull()) return this.#room().then(() => this.add(chunk, taken));
    }
    if (this.options.ownsChunks) freeWhole(chunk);
    return undefined;
  }

  async end(): Promise<void> {
    if (this.#block) this.#handOver(this.#block.subarray(0, this.#held));
    await this.#unwritten.at(-1);
    for (const { buffer } of this.#spare) buffer.transfer(0);
  }

  #handOver(block: Buffer<ArrayBuffer>): void {
    [this.#block, this.#held] = [undefined, 0];
    const writing = this.#write(block, this.#unwritten.at(-1));
    writing.catch(() => undefined);
    this.#unwritten.push(writing);
  }

  #isFull(): boolean {
    return this.#unwritten.length >= this.#most();
  }

  async #room(): Promise<void> {
    while (this.#isFull()) await this.#unwritten.shift();
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
