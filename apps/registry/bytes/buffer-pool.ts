/** Buffers of one size that are used again: each new one costs the kernel as much as reading into it. */
export class BufferPool {
  readonly #idle: Buffer[] = [];

  constructor(
    readonly size: number,
    private readonly mostIdle: number,
  ) {}

  /** A buffer with anything in it. */
  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(this.size);
  }

  /** Takes a buffer back that nobody uses any more. */
  giveBack(buffer: Buffer): void {
    if (this.#idle.length < this.mostIdle) this.#idle.push(buffer);
  }
}
