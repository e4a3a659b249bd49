import { Readable } from 'node:stream';

/** Bytes that a connection must have brought for its blob to be gone on with: less is no way to get to the end. */
export const LEAST_PROGRESS = 1024 * 1024;

/**
 * The bytes of a blob over as many connections as they take: where one breaks off, the rest is asked for. Fails with the
 * fault of the connection when that brought too little, or when the rest is not to be had.
 */
export class ResumedBody extends Readable {
  #count = 0;
  #body: Readable;

  constructor(
    body: Readable,
    /** The bytes from an offset to the end. */
    private readonly rest: (from: number) => Promise<Readable>,
  ) {
    super();
    this.#body = this.#take(body);
  }

  override _read(): void {
    this.#body.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    letGo(this.#body);
    done(error);
  }

  #take(body: Readable): Readable {
    const from = this.#count;
    return body
      .on('data', (chunk: Buffer) => {
        this.#count += chunk.length;
        if (!this.push(chunk)) body.pause();
      })
      .once('end', () => this.push(null))
      .once('error', (error) => void this.#goOn(error, this.#count - from));
  }

  async #goOn(fault: Error, progress: number): Promise<void> {
    if (this.destroyed) return;
    const rest = progress < LEAST_PROGRESS ? undefined : await this.rest(this.#count).catch(() => undefined);
    if (!rest) this.destroy(fault);
    else if (this.destroyed) letGo(rest);
    else this.#body = this.#take(rest);
  }
}

/** Ends a stream that nobody listens to any more. */
function letGo(body: Readable): void {
  body.on('error', () => undefined).destroy();
}
