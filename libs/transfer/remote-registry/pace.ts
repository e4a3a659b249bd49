import { setTimeout as sleep } from 'node:timers/promises';
import { UpstreamError } from './upstream-error.js';

/** Lets so many requests start in a second; bursts of one second's worth. */
export class TokenBucket {
  private tokens: number;
  private at = performance.now();
  private queue: Promise<void> = Promise.resolve();

  constructor(private readonly perSecond: number) {
    this.tokens = perSecond;
  }

  /** Waits for the turn; in order of asking. */
  take(signal?: AbortSignal): Promise<void> {
    if (this.perSecond <= 0) return Promise.resolve();
    const turn = this.queue.then(() => this.next(signal));
    this.queue = turn.catch(() => undefined);
    return turn;
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
  readonly maxRetries: number;
  readonly baseMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const LONGEST_BACKOFF = 30_000;
/** An upstream that asks for more patience than this is answered with an error. */
const LONGEST_PATIENCE = 120_000;

/** Does work again after transient faults, with full jitter and never before the upstream allows it. */
export async function withRetries<T>(rules: RetryRules, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    rules.signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UpstreamError) || !error.transient || attempt >= rules.maxRetries) throw error;
      const asked = error.waitMs ?? 0;
      if (asked > LONGEST_PATIENCE) throw error;
      const backoff = Math.random() * Math.min(LONGEST_BACKOFF, (rules.baseMs ?? 500) * 2 ** attempt);
      await sleep(asked + backoff, undefined, rules.signal ? { signal: rules.signal } : {});
    }
  }
}
