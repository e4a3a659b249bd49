import { setTimeout as sleep } from 'node:timers/promises';
import { UpstreamError } from './upstream-error.js';

/** Lets so many requests start in a second, in bursts of one second's worth, and none while the upstream wants to be left alone. */
export class TokenBucket {
  private tokens: number;
  private heldUntil = 0;
  private at = performance.now();
  private queue: Promise<void> = Promise.resolve();

  constructor(private readonly perSecond: number) {
    this.tokens = perSecond;
  }

  /** Lets nobody start for so many milliseconds. */
  hold(ms: number): void {
    this.heldUntil = Math.max(this.heldUntil, performance.now() + ms);
  }

  /** Waits for the turn; in order of asking. */
  async take(signal?: AbortSignal): Promise<void> {
    for (let left = this.held(); left > 0; left = this.held()) await sleep(left, undefined, { signal });
    if (this.perSecond <= 0) return;
    const turn = this.queue.then(() => this.next(signal));
    this.queue = turn.catch(() => undefined);
    await turn;
  }

  private held(): number {
    return this.heldUntil - performance.now();
  }

  private async next(signal?: AbortSignal): Promise<void> {
    const now = performance.now();
    this.tokens = Math.min(this.perSecond, this.tokens + ((now - this.at) / 1000) * this.perSecond);
    this.at = now;
    if (this.tokens < 1) {
      await sleep(((1 - this.tokens) / this.perSecond) * 1000, undefined, { signal });
      this.tokens += ((performance.now() - this.at) / 1000) * this.perSecond;
      this.at = performance.now();
    }
    this.tokens -= 1;
  }
}

/** How a transient fault is met. Times in milliseconds. */
export interface RetryRules {
  /** Most faults besides being throttled; 0: whatever it is, nothing is tried again. */
  readonly maxRetries: number;
  /** How long one piece of work may be throttled, all its waits together. */
  readonly patience: number;
  readonly signal?: AbortSignal | undefined;
  /** Told when the upstream wants to be left alone for a time. */
  readonly onThrottled?: (ms: number) => void;
}

const SHORTEST_BACKOFF = 500;
const LONGEST_BACKOFF = 30_000;
/** What is waited at least where an upstream limits requests, and at first when it does not say how long. */
const SHORTEST_WAIT = 1000;

/** Does work again after transient faults, with full jitter and never before the upstream allows it. */
export async function withRetries<T>(rules: RetryRules, work: () => Promise<T>): Promise<T> {
  let faults = 0;
  let throttled = 0;
  let waited = 0;
  for (;;) {
    rules.signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UpstreamError) || !error.transient || rules.maxRetries === 0) throw error;
      let wait = 0;
      if (error.kind === 'throttled' || error.waitMs !== undefined) {
        wait = Math.max(SHORTEST_WAIT, error.waitMs ?? doubled(SHORTEST_WAIT, throttled));
        throttled += 1;
        waited += wait;
        if (waited > rules.patience) throw error;
        rules.onThrottled?.(wait);
      } else if (faults >= rules.maxRetries) throw error;
      else faults += 1;
      const backoff = Math.random() * doubled(SHORTEST_BACKOFF, Math.max(0, faults - 1));
      await sleep(wait + backoff, undefined, rules.signal ? { signal: rules.signal } : {});
    }
  }
}

const doubled = (ms: number, times: number) => Math.min(LONGEST_BACKOFF, ms * 2 ** times);
