import { LRUCache } from 'lru-cache';
import type { AccessAspect, AccessChanges } from './access-changes.js';

/** A value and the account that it is about; null: any account's change may matter to it. */
export interface Loaded<V> {
  readonly value: V;
  readonly account: number | null;
}

/** The longest that anything about access may be out of date, even if a change was never announced. */
export const MOST_STALE_MS = 60_000;

/**
 * A bounded cache that forgets an account's entries when the account changes in any process, everything when changes may
 * have been missed, and answers nothing while the change feed is down. Readers of one key share one read.
 */
export class AccessCache<V extends {}> {
  private readonly entries: LRUCache<string, Loaded<V>>;
  private readonly flights = new Map<string, Promise<V>>();

  constructor(
    private readonly changes: AccessChanges,
    private readonly aspect: AccessAspect,
    limits: { readonly entries: number; readonly keyBytes?: number } = { entries: 10_000 },
  ) {
    const bytes = limits.keyBytes;
    this.entries = new LRUCache({
      max: limits.entries,
      ttl: MOST_STALE_MS,
      ...(bytes === undefined ? {} : { maxSize: bytes, sizeCalculation: (_value, key) => key.length + 256 }),
    });
    changes.onChange((changed, user) => {
      if (changed === aspect) this.forget(user);
    });
  }

  /** What is known for sure right now. */
  get(key: string): V | undefined {
    return this.changes.reliable ? this.entries.get(key)?.value : undefined;
  }

  /** The known value, or what the read says. */
  async load(key: string, read: () => Promise<Loaded<V>>): Promise<V> {
    const known = this.get(key);
    if (known !== undefined) return known;
    const epoch = this.changes.epoch(this.aspect);
    const name = `${epoch} ${key}`;
    const running = this.flights.get(name);
    if (running) return await running;
    const flight = this.readThrough(key, epoch, read).finally(() => this.flights.delete(name));
    this.flights.set(name, flight);
    return await flight;
  }

  /** Keeps a value that was read under an epoch, for at most `ttl` milliseconds. */
  put(key: string, loaded: Loaded<V>, epoch: number, ttl = MOST_STALE_MS): void {
    if (!this.changes.reliable || epoch !== this.changes.epoch(this.aspect) || ttl <= 0) return;
    this.entries.set(key, loaded, { ttl: Math.min(ttl, MOST_STALE_MS) });
  }

  /** Number of entries. */
  get size(): number {
    return this.entries.size;
  }

  private async readThrough(key: string, epoch: number, read: () => Promise<Loaded<V>>): Promise<V> {
    const loaded = await read();
    this.put(key, loaded, epoch);
    return loaded.value;
  }

  private forget(user: string): void {
    if (user === '*') return this.entries.clear();
    for (const [key, { account }] of this.entries.entries())
      if (account === null || String(account) === user) this.entries.delete(key);
  }
}
