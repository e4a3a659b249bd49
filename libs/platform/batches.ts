import type { DataSource } from 'typeorm';

/** How batches are made. */
export interface BatchOptions {
  /** Batches that run at the same time; 1 when it is not set. */
  readonly atOnce?: number;
  /** Most items of one batch; 100 when it is not set. */
  readonly most?: number;
  /** Milliseconds that a batch begins after the last one at the earliest, so that a trickle makes batches too; default 0. */
  readonly everyMs?: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does for many in one go what they ask for at the same time: while a batch runs, those who come wait for the next one. A
 * batch never has an item that was given after it began. One that throws is done again item by item, so that nobody fails
 * for what another one asked; the work must bear that.
 */
export class Batches<Item, Result> {
  #waiting: Waiting<Item, Result>[] = [];
  #running = 0;
  #starting = false;
  readonly #atOnce: number;
  readonly #most: number;
  readonly #everyMs: number;
  #begun = 0;

  constructor(
    private readonly work: (items: readonly Item[]) => Promise<readonly Result[]>,
    { atOnce = 1, most = 100, everyMs = 0 }: BatchOptions = {},
  ) {
    this.#atOnce = atOnce;
    this.#most = most;
    this.#everyMs = everyMs;
  }

  /** The result of this item, or what the work throws for it. */
  do(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#startSoon();
    });
  }

  /** What comes in the same turn of the event loop goes together. */
  #startSoon(): void {
    if (this.#starting || this.#running >= this.#atOnce || this.#waiting.length === 0) return;
    this.#starting = true;
    const start = () => {
      this.#starting = false;
      this.#begun = performance.now();
      while (this.#running < this.#atOnce && this.#waiting.length > 0)
        void this.#run(this.#waiting.splice(0, this.#most));
    };
    const early = this.#begun + this.#everyMs - performance.now();
    if (early > 0 && this.#waiting.length < this.#most) setTimeout(start, early);
    else setImmediate(start);
  }

  async #run(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    this.#running += 1;
    try {
      const results = await this.work(batch.map(({ item }) => item));
      for (const [at, { resolve }] of batch.entries()) resolve(results[at]!);
    } catch (error) {
      if (batch.length === 1) batch[0]!.reject(error);
      else for (const each of batch) await this.#run([each]);
    } finally {
      this.#running -= 1;
      this.#startSoon();
    }
  }
}

/** {@link Batches} of work on a database, apart for each data source. */
export function batchesOf<Item, Result>(
  work: (source: DataSource, items: readonly Item[]) => Promise<readonly Result[]>,
  options?: BatchOptions,
): (source: DataSource, item: Item) => Promise<Result> {
  const known = new WeakMap<DataSource, Batches<Item, Result>>();
  return (source, item) => {
    let batches = known.get(source);
    if (!batches) known.set(source, (batches = new Batches((items) => work(source, items), options)));
    return batches.do(item);
  };
}
