import { LRUCache } from 'lru-cache';
import { DomainError } from '#platform/domain-error.js';

/** How many failures are let through in a window. */
export interface ThrottleLimits {
  readonly windowMs: number;
  /** For one account from one address. */
  readonly perAccount: number;
  /** From one address, whatever the accounts. */
  readonly perAddress: number;
}

const LIMITS: ThrottleLimits = { windowMs: 60_000, perAccount: 10, perAddress: 100 };
const MOST_COUNTERS = 20_000;

/**
 * Slows password guessing: sliding windows of failures per account and address, and per address. An attempt counts from its
 * beginning, so that parallel guesses do not slip through, and a success takes it back. A network (/64) of IPv6 counts as one
 * address. Memory is bounded.
 */
export class LoginThrottle {
  private readonly attempts: LRUCache<string, number[]>;

  constructor(
    private readonly limits: ThrottleLimits = LIMITS,
    private readonly now: () => number = Date.now,
  ) {
    this.attempts = new LRUCache({ max: MOST_COUNTERS });
  }

  /** Counts an attempt or refuses it; call the result when the sign-in succeeded or could not be judged. */
  begin(account: string, address: string): () => void {
    const time = this.now();
    const place = placeOf(address);
    const places = [
      { key: `account ${place} ${account.slice(0, 200)}`, most: this.limits.perAccount },
      { key: `address ${place}`, most: this.limits.perAddress },
    ];
    for (const { key, most } of places) this.check(key, most, time);
    for (const { key, most } of places) this.attempts.set(key, [...this.recent(key, time), time].slice(-most));
    return () => {
      for (const { key } of places) this.takeBack(key, time);
    };
  }

  private check(key: string, most: number, time: number): void {
    const recent = this.recent(key, time);
    if (recent.length < most) return;
    const wait = Math.max(1, Math.ceil((recent[0]! + this.limits.windowMs - time) / 1000));
    throw new DomainError('throttled', 'TOOMANYREQUESTS', `Too many failed sign-ins; try again in ${wait} seconds.`, {
      retryAfter: wait,
    });
  }

  private recent(key: string, time: number): number[] {
    return (this.attempts.get(key) ?? []).filter((each) => each > time - this.limits.windowMs);
  }

  private takeBack(key: string, time: number): void {
    const left = this.attempts.get(key)?.slice() ?? [];
    const at = left.lastIndexOf(time);
    if (at >= 0) left.splice(at, 1);
    if (left.length > 0) this.attempts.set(key, left);
    else this.attempts.delete(key);
  }
}

/** Whoever has one IPv6 address has its whole /64: that counts as one. An IPv4 address in IPv6 form is that address. */
function placeOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [before = '', after] = address.replace(/%.*$/, '').split('::');
  const [head, tail] = [before, after ?? ''].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = after === undefined ? 0 : 8 - head!.length - tail!.length;
  const groups = [...head!, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...tail!];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
