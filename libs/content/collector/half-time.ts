import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that pass, and how to let them. */
export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

const machineClock: Clock = { now: () => performance.now(), sleep };

/** Does work in pieces and rests after each for as long as it took, so that half of the machine is left to those who pull. */
export class HalfTime {
  constructor(
    private readonly signal: AbortSignal | undefined,
    private readonly clock = machineClock,
  ) {}

  /** Throws what the work throws, and the reason of the signal when no piece shall begin any more. */
  async piece<T>(work: () => Promise<T>): Promise<T> {
    this.signal?.throwIfAborted();
    const began = this.clock.now();
    const result = await work();
    await this.clock.sleep(this.clock.now() - began);
    return result;
  }
}
