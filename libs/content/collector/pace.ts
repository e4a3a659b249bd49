import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that pass, and how to let them. */
export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

const machineClock: Clock = { now: () => performance.now(), sleep };

/** How much longer a rest is than the piece before it. */
const REST = 9;

/** Does work in pieces and rests nine times as long after each, so that those who pull hardly notice it. */
export class Pace {
  constructor(
    private readonly signal: AbortSignal | undefined,
    private readonly clock = machineClock,
  ) {}

  /** Throws what the work throws, and the reason of the signal when no piece shall begin any more. */
  async piece<T>(work: () => Promise<T>): Promise<T> {
    this.signal?.throwIfAborted();
    const began = this.clock.now();
    const result = await work();
    await this.clock.sleep(REST * (this.clock.now() - began));
    return result;
  }
}
