import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { isWorthKeys, listName, type KnownList, type KnownLists } from './known-lists.js';
import { NEWEST_FIRST } from './ordering.js';
import type { Window } from './paging.js';
import type { Resource } from './resource.js';
import type { RowSource } from './row-source.js';

/** Most keys that are worth carrying from the one look at everything to the page. */
const FEW = 500;
/** A page behind more rows than this is worth asking whether the way there is known. */
const FAR = 1000;

/** How long a list is, and what of its keys is known already. */
export interface Measured {
  readonly count: number;
  /** All keys in any order, when they are few. */
  readonly few?: readonly (string | number)[];
  /** All keys in the usual order, as {@link KnownList} keeps them. */
  readonly ordered?: Buffer;
}

/** The page that is wanted of a list. */
interface Wanted {
  readonly window: Window;
  /** The newest come first, as in `ordered`. */
  readonly usualOrder: boolean;
}

/**
 * Measures a list. What was learned of one whose rows only change together with the state of its resource is used again for
 * as long as that stays, so that only the first look at a list costs what all of it does.
 */
export async function measureList(
  tx: DataSource | EntityManager,
  resource: Resource,
  rows: RowSource,
  wanted: Wanted,
  lists: KnownLists,
): Promise<Measured> {
  const isNear = (count: number) => !wanted.usualOrder || rowsBefore(count, wanted.window) <= FAR;
  if (rows.stored !== undefined && isNear(rows.stored)) return { count: rows.stored };
  if (!rows.lasting || !resource.tally) return look(tx, rows);
  const [tally] = await rowsOf<{ count: number; state: number }>(tx, resource.tally);
  const { count: all, state } = tally!;
  const stored = rows.whole ? all : rows.stored;
  if (stored !== undefined && isNear(stored)) return { count: stored };
  const name = listName(rows.some, rows.values);
  const known = lists.find(name, state) ?? {
    state,
    passed: 0,
    ...(stored === undefined ? await look(tx, rows) : { count: stored }),
  };
  return lists.keep(name, wanted.usualOrder ? await withKeys(tx, rows, known, wanted.window) : known);
}

/** Rows between a page and the nearer end of its list. */
function rowsBefore(count: number, { offset, limit }: Window): number {
  return Math.max(0, Math.min(offset, count - offset - limit));
}

/** Counts rows; few that a filter lets pass are not counted but kept, so that nobody looks at all a second time. */
async function look(
  tx: DataSource | EntityManager,
  { some, count, values, filtered }: RowSource,
): Promise<{ readonly count: number; readonly few?: string[] }> {
  const few = filtered ? await rowsOf<{ id: string }>(tx, `${some} limit ${FEW + 1}`, values) : [];
  if (filtered && few.length <= FEW) return { count: few.length, few: few.map(({ id }) => id) };
  const [row] = await rowsOf<{ count: number }>(tx, count, values);
  return { count: row?.count ?? 0 };
}

/** Notes what a page passes over: a filter looks at all rows, an index at those before the page. Then it may pay to read all keys. */
async function withKeys(
  tx: DataSource | EntityManager,
  rows: RowSource,
  known: KnownList,
  window: Window,
): Promise<KnownList> {
  if (known.few || known.ordered) return known;
  const looksAtAll = rows.filtered && rows.stored === undefined;
  const noted = { ...known, passed: known.passed + (looksAtAll ? known.count / 2 : rowsBefore(known.count, window)) };
  if (!isWorthKeys(noted)) return noted;
  // An aggregate takes rows in the order in which the subquery yields them.
  const [row] = await rowsOf<{ keys: Buffer | null }>(
    tx,
    `select string_agg(uuid_send(list.id), ''::bytea) as keys from (${rows.keys(NEWEST_FIRST, false)}) list`,
    rows.values,
  );
  return { ...noted, passed: 0, ordered: row?.keys ?? Buffer.alloc(0) };
}
