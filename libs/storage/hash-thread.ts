import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Digest, DigestAlgorithm } from '#oci/digest.js';
import type { HashOrder } from './hash-worker.js';

type Answer = Uint8Array<ArrayBuffer> | string;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** The one thread that hashes blocks beside the event loop. It is started by its first hash and never keeps a process alive. */
class HashThread {
  static #current: HashThread | undefined;
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #hashes = 0;
  #ended: Error | undefined;

  static current(): HashThread {
    if (!this.#current || this.#current.#ended) this.#current = new HashThread();
    return this.#current;
  }

  private constructor() {
    this.#worker = new Worker(new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url), {
      name: 'hash',
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
    });
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#next().resolve(answer));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('The thread that hashes has ended.')));
  }

  newHash(): number {
    return this.#hashes++;
  }

  /** Hands an order over, and waits for the answer. What is transferred is the thread's until then. */
  ask(order: HashOrder, transfer: ArrayBuffer[] = []): Promise<Answer> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#worker.postMessage(order, transfer);
      if (this.#waiting.push({ resolve, reject }) === 1) this.#worker.ref();
    });
  }

  forget(hash: number): void {
    if (!this.#ended) this.#worker.postMessage({ hash, ask: 'forget' } satisfies HashOrder);
  }

  #next(): Waiting {
    const next = this.#waiting.shift()!;
    if (this.#waiting.length === 0) this.#worker.unref();
    return next;
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}

const forgotten = new FinalizationRegistry<{ thread: HashThread; hash: number }>(({ thread, hash }) =>
  thread.forget(hash),
);

/** A running hash in the thread; it ends there when nobody holds this any more. Throws when the thread has died since. */
export class ThreadDigest {
  readonly #thread = HashThread.current();
  readonly #hash = this.#thread.newHash();
  readonly #algorithm: DigestAlgorithm;

  constructor(algorithm: DigestAlgorithm) {
    this.#algorithm = algorithm;
    forgotten.register(this, { thread: this.#thread, hash: this.#hash });
  }

  /** Hashes a block and gives it back. It must have its memory for itself, and is gone until then. */
  async update(block: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>> {
    const order = { hash: this.#hash, algorithm: this.#algorithm, block };
    const back = (await this.#thread.ask(order, [block.buffer])) as Uint8Array<ArrayBuffer>;
    return Buffer.from(back.buffer, back.byteOffset, back.length);
  }

  /** The digest of everything so far; more may follow. */
  async digest(): Promise<Digest> {
    return `${this.#algorithm}:${String(await this.#thread.ask({ hash: this.#hash, ask: 'digest' }))}`;
  }
}
