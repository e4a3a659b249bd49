import { refused } from './refusal.js';

const NOTHING = Buffer.alloc(0);

/** Reads a stream of chunks in pieces of known length. A chunk may be used again by the stream once the next is read. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = NOTHING;
  #position = 0;

  constructor(bytes: AsyncIterable<Buffer>) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** Bytes that were read so far. */
  get position(): number {
    return this.#position;
  }

  /** A copy of exactly `length` bytes, or undefined when the stream ended before the first of them. */
  async take(length: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let left = length;
    while (left > 0) {
      const part = await this.some(left);
      if (!part && left === length) return undefined;
      if (!part) throw truncated();
      parts.push(left === length && part.length === length ? part : Buffer.from(part));
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** The next `length` bytes in chunks as they come; each is valid until the next is asked for. */
  async *pass(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      const part = await this.some(left);
      if (!part) throw truncated();
      left -= part.length;
      yield part;
    }
  }

  /** Lets go of the stream, read to its end or not. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** At most `most` bytes of what comes next, or undefined at the end of the stream. */
  async some(most: number): Promise<Buffer | undefined> {
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return undefined;
      this.#chunk = next.value;
    }
    const part = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(part.length);
    this.#position += part.length;
    return part;
  }
}

/** The archive ends in the middle. */
export const truncated = () => refused('The archive is cut off: it ends before its end mark. Send it again, whole.');
