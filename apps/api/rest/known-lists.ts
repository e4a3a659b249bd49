import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

const KEY_BYTES = 16;
/** Memory for the keys in order of all lists: two million. */
const MOST_KEYS_BYTES = 32 * 1024 * 1024;
/** Memory for what else is known of them: of ten thousand, when their keys are not few. */
const MOST_BYTES = 8 * 1024 * 1024;
/** What an entry takes beside its keys. */
const ENTRY_BYTES = 512;
const FEW_KEY_BYTES = 64;

/** What is known of a list: holds until the state of its resource is another. */
export interface KnownList {
  readonly state: number;
  readonly count: number;
  /** All keys in any order, when they are few. */
  readonly few?: readonly string[];
  /** All keys in the usual order, 16 bytes each. */
  readonly ordered?: Buffer;
  /** Rows that pages have passed over so far, which the keys in order would have spared them. */
  readonly passed: number;
}

interface KnownKeys {
  readonly state: number;
  readonly ordered: Buffer;
}

/**
 * Lists that were looked at and have not changed since: how long they are, and their keys once pages have passed over as many
 * rows as they are long. Nothing is ever told to forget: who uses an entry has just read from the database that the state is
 * the same. Bounded; what was not used for longest goes first, and keys in order before what is smaller.
 */
export class KnownLists {
  private readonly lists = new LRUCache<string, KnownList>({
    maxSize: MOST_BYTES,
    sizeCalculation: ({ few }) => ENTRY_BYTES + FEW_KEY_BYTES * (few?.length ?? 0),
  });
  private readonly keys = new LRUCache<string, KnownKeys>({
    maxSize: MOST_KEYS_BYTES,
    sizeCalculation: ({ ordered }) => ENTRY_BYTES + ordered.length,
  });

  /** What is known of the list that this SQL with these values selects, at this state. */
  find(list: string, state: number): KnownList | undefined {
    const known = this.lists.get(list);
    if (known?.state !== state) return undefined;
    const keys = this.keys.get(list);
    return keys?.state === state ? { ...known, ordered: keys.ordered } : known;
  }

  /** Keeps what is known now in place of what was. */
  keep(list: string, known: KnownList): KnownList {
    const { ordered, ...rest } = known;
    this.lists.set(list, rest);
    if (ordered) this.keys.set(list, { state: known.state, ordered });
    return known;
  }
}

/** A short name for a list: one for each SQL text with its values. */
export const listName = (sql: string, values: readonly unknown[]): string =>
  createHash('sha256')
    .update(JSON.stringify([sql, values]))
    .digest('base64');

/** True when it pays to read all keys of a list, and they can be kept. */
export const isWorthKeys = ({ passed, count }: KnownList): boolean =>
  passed >= count && count * KEY_BYTES <= MOST_KEYS_BYTES / 2;

/** Some of the keys of a list. */
export function keysAt(ordered: Buffer, offset: number, limit: number): string[] {
  const bytes = ordered.subarray(offset * KEY_BYTES, (offset + limit) * KEY_BYTES).toString('hex');
  return bytes.match(/.{32}/g) ?? [];
}
