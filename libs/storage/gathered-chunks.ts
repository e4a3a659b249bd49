import type { Readable } from 'node:stream';
import type { AppendLimits } from './blob-store.js';
import type { BlockDigest } from './block-digest.js';
import { type Broken, flowInto, type Pace } from './flow-into.js';
import { tooLarge } from './storage-errors.js';

/** Size of a block, and of one when many streams come at once: each holds one for as long as its client takes. */
export const BLOCK_BYTES = 512 * 1024;
const SMALL_BLOCK = 64 * 1024;
const MANY_STREAMS = 32;

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
    spare.end();
    await sink.end();
  }
}

/** Blocks that were written, for the next ones of any stream; they are freed when no stream is left. */
class SpareBlocks {
  #streams = 0;
  #blocks: Buffer<ArrayBuffer>[] = [];

  /** A stream begins; tells the size of its blocks. */
  begin(): number {
    this.#streams += 1;
    return this.#streams > MANY_STREAMS ? SMALL_BLOCK : BLOCK_BYTES;
  }

  take(size: number): Buffer<ArrayBuffer> {
    return (size === BLOCK_BYTES ? this.#blocks.pop() : undefined) ?? Buffer.allocUnsafeSlow(size);
  }

  giveBack(block: Buffer<ArrayBuffer>): void {
    if (block.length === BLOCK_BYTES && this.#streams > 0 && this.#blocks.length < MOST_OF_ALL)
      this.#blocks.push(block);
    else block.buffer.transfer(0);
  }

  end(): void {
    this.#streams -= 1;
    if (this.#streams > 0) return;
    for (const { buffer } of this.#blocks) buffer.transfer(0);
    this.#blocks = [];
  }
}

const spare = new SpareBlocks();

/** Copies chunks into blocks and has them written in their order. */
class BlockWriter {
  static #ofAll = 0;
  #block: Buffer<ArrayBuffer> | undefined;
  #held = 0;
  readonly #full = spare.begin();
  /** Each one waits for the one before, and fails with it. */
  readonly #unwritten: Promise<void>[] = [];

  constructor(
    private readonly sink: BlockSink,
    private readonly options: Pick<GatherOptions, 'most' | 'ownsChunks'>,
    private readonly digest: BlockDigest | undefined,
  ) {}

  /** Takes a chunk, from a byte of it on; a promise when nothing else may come until it is kept. */
  add(chunk: Buffer, from = 0): Promise<void> | undefined {
    for (let taken = from; taken < chunk.length;) {
      const block = (this.#block ??= spare.take(Math.min(this.#full, this.options.most)));
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
      const hashed = this.digest ? await this.digest.update(block, block.length === this.#full) : block;
      await before;
      await this.sink.write(hashed);
      spare.giveBack(hashed);
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
