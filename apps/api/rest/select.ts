import { DataSource, type EntityManager } from 'typeorm';
import { preparedIn, queryPrepared, rowsOf } from '#platform/database.js';
import { badField } from './errors.js';
import type { ShowScope } from './fields.js';
import type { FilterScope, Visible } from './filters/filter.js';
import { keysAt, type KnownLists } from './known-lists.js';
import { measureList, type Measured } from './measure-list.js';
import { NEWEST_FIRST, readOrdering, type OrderPart } from './ordering.js';
import type { Window } from './paging.js';
import { compileFilters, type QueryValues } from './query.js';
import type { Resource } from './resource.js';
import { fewRows, rowSource, type RowSource } from './row-source.js';
import { allOf, SqlValues } from './sql.js';

/** How long a list with patterns from outside may take. */
const PATTERN_TIMEOUT_MS = 1500;

/** Rows as clients read them, and how many there are without paging. */
export interface Listing {
  readonly results: readonly Record<string, unknown>[];
  readonly count: number;
}

/** What to list. */
export interface ListRequest {
  readonly query: QueryValues;
  readonly fields: readonly string[];
  readonly window: Window;
  /** SQL that holds for the rows the caller may see. */
  readonly scope: (values: SqlValues) => string;
  readonly visible: Visible;
}

/** One page of a resource: one statement for the page, at most three to know how long the list is. */
export async function listRows(
  source: DataSource,
  resource: Resource,
  request: ListRequest,
  show: ShowScope,
  lists: KnownLists,
): Promise<Listing> {
  const scope: FilterScope = { values: new SqlValues(), source, visible: request.visible };
  const filtered = await compileFilters(resource, request.query, scope);
  const rows = rowSource(resource, filtered, request.scope(scope.values), scope);
  const order = readOrdering(request.query, resource.ordering, resource.defaultOrder);
  return guarded(source, scope.guard, async (tx) => {
    const wanted = { window: request.window, usualOrder: order === NEWEST_FIRST };
    const list = await measureList(tx, resource, rows, wanted, lists);
    const { limit, offset } = request.window;
    if (offset >= list.count) return { results: [], count: list.count };
    const window = { limit: Math.min(limit, list.count - offset), offset };
    const page = pageKeys(resource, rows, list, order, window);
    return { results: await shownRows(tx, resource, request.fields, page, show), count: list.count };
  });
}

/** SQL of an array with the keys of a page; backwards when the page is shown from its last to its first. */
interface PageKeys {
  readonly array: string;
  readonly values: readonly unknown[];
  readonly backwards: boolean;
}

/** Pages beyond the middle are read from the other end, which halves the way to the farthest one. */
function pageKeys(
  resource: Resource,
  rows: RowSource,
  { count, few, ordered }: Measured,
  order: readonly OrderPart[],
  { limit, offset }: Window,
): PageKeys {
  if (ordered && order === NEWEST_FIRST)
    return { array: '$1::uuid[]', values: [keysAt(ordered, offset, limit)], backwards: false };
  const { keys, values } = few ? fewRows(resource, few) : rows;
  const all = new SqlValues([...values]);
  const backwards = offset > count / 2;
  const passed = backwards ? count - offset - limit : offset;
  const page = `${keys(order, backwards)} limit ${all.bind(limit)} offset ${all.bind(passed)}`;
  return { array: `array(${page})`, values: all.values, backwards };
}

/** Rows of one page: its keys are found first, so that only the shown rows are fetched. */
async function shownRows(
  tx: DataSource | EntityManager,
  resource: Resource,
  fields: readonly string[],
  { array, values, backwards }: PageKeys,
  show: ShowScope,
): Promise<Record<string, unknown>[]> {
  const { columns, shape } = columnsOf(resource, fields, show);
  const rows = await rowsOf<Record<string, unknown>>(
    tx,
    `select ${columns} from ${resource.from}, unnest(${array}) with ordinality as page(key, place)
      where t.id = page.key order by page.place ${backwards ? 'desc' : 'asc'}`,
    values,
  );
  return rows.map(shape);
}

/** One row by its key; undefined when there is none or the caller may not see it. */
export async function readRow(
  source: DataSource | EntityManager,
  resource: Resource,
  condition: (values: SqlValues) => string,
  fields: readonly string[],
  show: ShowScope,
): Promise<Record<string, unknown> | undefined> {
  const values = new SqlValues();
  const where = allOf([resource.where, condition(values)]);
  const { columns, shape } = columnsOf(resource, fields, show);
  const text = `select ${columns} from ${resource.from} where ${where} limit 1`;
  const whole = fields.length === Object.keys(resource.fields).length;
  const rows = await (whole ? readPrepared : rowsOf)<Record<string, unknown>>(source, text, values.values);
  return rows[0] && shape(rows[0]);
}

/** Names of the statements that read whole rows: there are as many as resources and ways to see them. */
const NAMES = new Map<string, string>();

/** Half of the database's work for a row is to understand the statement; those for choices of fields are too many to be kept. */
function readPrepared<Row>(source: DataSource | EntityManager, text: string, values: unknown[]): Promise<Row[]> {
  const name = NAMES.get(text) ?? `read-${NAMES.size}`;
  NAMES.set(text, name);
  return source instanceof DataSource
    ? queryPrepared<Row>(source, name, text, values)
    : preparedIn<Row>(source, name, text, values);
}

function columnsOf(resource: Resource, fields: readonly string[], show: ShowScope) {
  const chosen = fields.map((name) => [name, resource.fields[name]!] as const);
  const fetched = chosen.filter(([, field]) => field.sql !== undefined);
  const columns = ['1', ...fetched.map(([name, { sql }]) => `${sql} as "${name}"`)].join(', ');
  const shape = (row: Record<string, unknown>): Record<string, unknown> => {
    const result: Record<string, unknown> = {};
    for (const [name, field] of chosen) result[name] = field.show ? field.show(row[name] as never, show) : row[name];
    return result;
  };
  return { columns, shape };
}

async function guarded<T>(
  source: DataSource,
  filter: string | undefined,
  work: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  if (filter === undefined) return work(source.manager);
  try {
    return await source.transaction(async (tx) => {
      await tx.query(`set local statement_timeout = ${PATTERN_TIMEOUT_MS}`);
      return work(tx);
    });
  } catch (error) {
    const { code } = (error as { driverError?: { code?: string } }).driverError ?? {};
    if (code === '57014') throw badField(filter, 'The pattern takes too long to evaluate.');
    if (code === '2201B') throw badField(filter, 'Enter a valid regular expression.');
    throw error;
  }
}
