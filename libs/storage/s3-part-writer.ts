import type { S3Objects } from './s3-objects.js';
import { saveState, stateOf, type S3Part, type S3SessionState } from './s3-session-state.js';

const MIB = 1024 * 1024;
const IN_FLIGHT = 2;
const CHECKPOINT_EVERY = 8;

/** Parts are of one size, as some stores want it, until a blob is so large that 10,000 would not be enough. */
const partBytes = (number: number) => (number <= 2000 ? 8 * MIB : number <= 6000 ? 32 * MIB : 128 * MIB);

/** Turns batches into parts of an upload session, two at a time, and saves the state now and then. */
export class S3PartWriter {
  #id: string | undefined;
  #parts: (S3Part | undefined)[];
  #held: Buffer[];
  #bytes: number;
  #flying = new Set<Promise<void>>();

  constructor(
    private readonly objects: S3Objects,
    private readonly keys: { data: string; state: string },
    from: S3SessionState,
  ) {
    this.#id = from.multipartId;
    this.#parts = [...from.parts];
    this.#held = from.tail.length > 0 ? [from.tail] : [];
    this.#bytes = from.tail.length;
  }

  /** Takes the next bytes; waits when too many parts are on their way. */
  async write(batch: Buffer[], bytes: number): Promise<void> {
    this.#held.push(...batch);
    this.#bytes += bytes;
    for (let size = this.#due(); size <= this.#bytes; size = this.#due()) {
      const all = Buffer.concat(this.#held);
      this.#held = [all.subarray(size)];
      this.#bytes -= size;
      await this.#send(all.subarray(0, size));
      if (this.#parts.length % CHECKPOINT_EVERY === 0) await this.#checkpoint();
    }
  }

  /** Sends what is left as the last part, which may be small. */
  async last(): Promise<void> {
    if (this.#bytes > 0) await this.#send(Buffer.concat(this.#held));
    [this.#held, this.#bytes] = [[], 0];
  }

  /** Waits until nothing is on its way any more, also after a failure, so that no late part replaces a newer one. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#flying);
  }

  /** The state after all parts have arrived. */
  async settled(): Promise<S3SessionState> {
    await Promise.all(this.#flying);
    const parts = this.#parts.filter((part) => part !== undefined);
    return stateOf(this.#id, parts, Buffer.concat(this.#held));
  }

  #due(): number {
    return partBytes(this.#parts.length + 1);
  }

  async #checkpoint(): Promise<void> {
    await saveState(this.objects, this.keys.state, await this.settled());
  }

  async #send(body: Buffer): Promise<void> {
    const id = (this.#id ??= await this.objects.startParts(this.keys.data));
    const index = this.#parts.push(undefined) - 1;
    const sending = this.objects.putPart(this.keys.data, id, index + 1, body).then((etag) => {
      this.#parts[index] = { etag, size: body.length };
      this.#flying.delete(sending);
    });
    sending.catch(() => undefined);
    this.#flying.add(sending);
    if (this.#flying.size >= IN_FLIGHT) await Promise.race(this.#flying);
  }
}
