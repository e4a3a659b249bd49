import type { S3Objects } from './s3-objects.js';
import { saveState, stateOf, type S3Part, type S3SessionState } from './s3-session-state.js';

const MIB = 1024 * 1024;
const IN_FLIGHT = 2;
const CHECKPOINT_EVERY = 8;

/** Parts are of one size, as some stores want it, until a blob is so large that 10,000 would not be enough. */
const partBytes = (number: number) => (number <= 2000 ? 8 * MIB : number <= 6000 ? 32 * MIB : 128 * MIB);

/** Fills parts of an upload session with blocks, sends two at a time, and saves the state now and then. */
export class S3PartWriter {
  #id: string | undefined;
  #parts: (S3Part | undefined)[];
  #part: Buffer<ArrayBuffer> | undefined;
  #held = 0;
  #flying = new Set<Promise<void>>();

  constructor(
    private readonly objects: S3Objects,
    private readonly keys: { data: string; state: string },
    { multipartId, parts, tail }: S3SessionState,
  ) {
    this.#id = multipartId;
    this.#parts = [...parts];
    if (tail.length > 0) this.#fill(tail, 0);
  }

  /** Takes the next bytes; waits when too many parts are on their way. */
  async write(block: Buffer): Promise<void> {
    for (let taken = 0; taken < block.length;) {
      taken += this.#fill(block, taken);
      if (this.#held < this.#part!.length) continue;
      await this.#send();
      if (this.#parts.length % CHECKPOINT_EVERY === 0)
        await saveState(this.objects, this.keys.state, await this.settled());
    }
  }

  /** Sends what is left as the last part, which may be small. */
  async last(): Promise<void> {
    if (this.#held > 0) await this.#send();
  }

  /** Waits until nothing is on its way any more, also after a failure, so that no late part replaces a newer one. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#flying);
  }

  /** The state after all parts have arrived. What is too little for a part is its tail, and gone from here. */
  async settled(): Promise<S3SessionState> {
    await Promise.all(this.#flying);
    const parts = this.#parts.filter((part) => part !== undefined);
    const rest = this.#takePart();
    const tail = Buffer.from(rest);
    rest.buffer.transfer(0);
    return stateOf(this.#id, parts, tail);
  }

  /** Copies what fits into the part that is being filled. */
  #fill(bytes: Buffer, from: number): number {
    this.#part ??= Buffer.allocUnsafeSlow(partBytes(this.#parts.length + 1));
    const copied = bytes.copy(this.#part, this.#held, from);
    this.#held += copied;
    return copied;
  }

  #takePart(): Buffer<ArrayBuffer> {
    const part = this.#part?.subarray(0, this.#held) ?? Buffer.alloc(0);
    [this.#part, this.#held] = [undefined, 0];
    return part;
  }

  async #send(): Promise<void> {
    const id = (this.#id ??= await this.objects.startParts(this.keys.data));
    const body = this.#takePart();
    const size = body.length;
    const index = this.#parts.push(undefined) - 1;
    const sending = this.objects.putPart(this.keys.data, id, index + 1, body).then((etag) => {
      this.#parts[index] = { etag, size };
      this.#flying.delete(sending);
      // Left to the collector, as blocks would be, it walks the whole heap for them.
      body.buffer.transfer(0);
    });
    sending.catch(() => undefined);
    this.#flying.add(sending);
    if (this.#flying.size >= IN_FLIGHT) await Promise.race(this.#flying);
  }
}
