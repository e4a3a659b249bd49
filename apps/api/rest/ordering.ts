import { badField } from './errors.js';
import type { QueryValues } from './query.js';

/** One column of an ORDER BY. */
export interface OrderPart {
  readonly sql: string;
  readonly descending: boolean;
}

/** Newest first: keys are UUIDv7, which grow with time. */
export const NEWEST_FIRST: readonly OrderPart[] = [{ sql: 't.id', descending: true }];

/** By name. */
export const BY_NAME: readonly OrderPart[] = [{ sql: 't.name', descending: false }];

/** SQL of what is the same for all rows; PostgreSQL takes no constant in ORDER BY. */
export const SAME_FOR_ALL = '(t.id is null)';

/** Orders that clients of Pulp know and that change nothing here: there is no such data, or it is a secret. */
export const ordersNothing = (...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, SAME_FOR_ALL]));

const MOST = 16;

/** What `ordering` asks for, or the usual order; ties go to the newest. */
export function readOrdering(
  query: QueryValues,
  columns: Readonly<Record<string, string>>,
  usual: readonly OrderPart[],
): readonly OrderPart[] {
  const wanted = (query.get('ordering') ?? []).flatMap((each) => each.split(',')).filter((each) => each.trim() !== '');
  if (wanted.length === 0) return usual;
  if (wanted.length > MOST) throw badField('ordering', `No more than ${MOST} fields can be ordered by.`);
  return [...wanted.map((each) => readPart(each.trim(), columns)), ...NEWEST_FIRST];
}

function readPart(given: string, columns: Readonly<Record<string, string>>): OrderPart {
  const descending = given.startsWith('-');
  const name = descending ? given.slice(1) : given;
  const sql = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (sql === undefined)
    throw badField('ordering', `Select a valid choice. ${given.slice(0, 100)} is not one of the available choices.`);
  return { sql, descending };
}

/** ORDER BY text, in order or backwards. */
export const orderSql = (parts: readonly OrderPart[], backwards = false): string =>
  parts.map(({ sql, descending }) => `${sql} ${descending === backwards ? 'asc' : 'desc'}`).join(', ');
