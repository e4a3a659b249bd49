import { finished, type Readable } from 'node:stream';
import { DomainError } from '#platform/domain-error.js';

/** How a stream ended before its end. */
export interface Broken {
  readonly error: unknown;
}

/** How little may come of a stream. */
export interface Pace {
  /** Milliseconds in which at least {@link idleBytes} must come, or the stream is destroyed. */
  readonly idleMs: number | undefined;
  readonly idleBytes: number;
}

/**
 * What is done with a chunk: a promise stops the stream until it is kept, and `false` is for enough, where the stream is
 * left as it is, so that an answer can still be sent.
 */
export type Take = (chunk: Buffer) => Promise<void> | false | undefined;

/**
 * Gives the chunks of a stream away as they come, without a promise for each; ends with the stream, tells how it broke off,
 * and throws what `take` throws. The stream is destroyed only when too little comes.
 */
export function flowInto(stream: Readable, take: Take, pace: Pace): Promise<Broken | undefined> {
  return new Promise((resolve, reject) => new Flow(stream, take, pace, resolve, reject).start());
}

class Flow {
  #forget: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What was taken is worked on, and nothing else comes until it is done. */
  #busy: Promise<void> | undefined;
  #lately = 0;

  constructor(
    private readonly stream: Readable,
    private readonly take: Take,
    private readonly pace: Pace,
    private readonly resolve: (broken: Broken | undefined) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  start(): void {
    if (this.pace.idleMs !== undefined) this.#timer = setInterval(this.#look, this.pace.idleMs);
    this.#forget = finished(this.stream, { writable: false }, this.#end);
    this.stream.on('data', this.#give);
    this.stream.resume();
  }

  readonly #give = (value: unknown): void => {
    const chunk = Buffer.isBuffer(value) ? value : Buffer.from(value as Uint8Array | string);
    this.#lately += chunk.length;
    try {
      const taken = this.take(chunk);
      if (taken) this.#wait(taken);
      else if (taken === false) {
        this.#stop();
        this.resolve(undefined);
      }
    } catch (error) {
      this.#fail(error);
    }
  };

  #wait(busy: Promise<void>): void {
    this.#busy = busy;
    this.stream.pause();
    busy.then(() => {
      this.#busy = undefined;
      if (this.#forget) this.stream.resume();
    }, this.#fail);
  }

  readonly #look = (): void => {
    const { idleMs = 0, idleBytes } = this.pace;
    if (!this.#busy && this.#lately < idleBytes) this.stream.destroy(tooSlow(idleMs, this.#lately));
    this.#lately = 0;
  };

  readonly #end = (error?: Error | null): void => {
    this.#stop();
    const tell = () => this.resolve(error ? { error } : undefined);
    if (this.#busy) this.#busy.then(tell, this.#fail);
    else tell();
  };

  readonly #fail = (error: unknown): void => {
    this.#stop();
    this.reject(error);
  };

  #stop(): void {
    clearInterval(this.#timer);
    this.stream.off('data', this.#give);
    this.stream.pause();
    this.#forget?.();
    this.#forget = undefined;
  }
}

const tooSlow = (idleMs: number, bytes: number) =>
  new DomainError('invalid', 'BLOB_UPLOAD_INVALID', `only ${bytes} bytes came in ${idleMs / 1000} s`);
