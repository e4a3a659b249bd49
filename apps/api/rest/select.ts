import { DataSource, type EntityManager } from 'typeorm';
import { preparedIn, queryPrepared, rowsOf } from '#platform/database.js';
import { badField } from './errors.js';
import type { ShowScope } from './fields.js';
import type { FilterScope, KeySource } from './filters/filter.js';
import type { Window } from './paging.js';
import { NEWEST_FIRST, orderSql, readOrdering, type OrderPart } from './ordering.js';
import { compileFilters, type QueryValues } from './query.js';
import type { Resource } from './resource.js';
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
}

/** One page of a resource: one statement for the page, at most one for the count. */
export async function listRows(
  source: DataSource,
  resource: Resource,
  request: ListRequest,
  show: ShowScope,
): Promise<Listing> {
  const scope: FilterScope = { values: new SqlValues(), source };
  const filtered = await compileFilters(resource, request.query, scope);
  const rows = rowSource(resource, filtered, request.scope(scope.values), scope.driver);
  return guarded(source, scope.guard, async (tx) => {
    const few = rows.known === undefined && filtered !== 'true' ? await fewKeys(tx, rows, scope.values) : undefined;
    if (few) return page(tx, resource, request, fewRows(resource, few), few.length, show);
    const count = rows.known ?? (await countRows(tx, rows, scope.values.values));
    return page(tx, resource, request, { rows, values: scope.values }, count, show);
  });
}

/** Rows and the values that their SQL is about. */
interface BoundRows {
  readonly rows: RowSource;
  readonly values: SqlValues;
}

async function page(
  tx: DataSource | EntityManager,
  resource: Resource,
  request: ListRequest,
  { rows, values }: BoundRows,
  count: number,
  show: ShowScope,
): Promise<Listing> {
  const { limit, offset } = request.window;
  if (offset >= count) return { results: [], count };
  const window = { limit: Math.min(limit, count - offset), offset };
  return { results: await pageRows(tx, resource, request, rows, values, window, count, show), count };
}

/** Most keys that are worth carrying from the one look at everything to the page. */
const FEW = 500;

/** All keys when they are few: then nobody has to look at all rows a second time to count them. */
async function fewKeys(
  tx: DataSource | EntityManager,
  { some }: RowSource,
  { values }: SqlValues,
): Promise<(string | number)[] | undefined> {
  const rows = await rowsOf<{ id: string | number }>(tx, `${some} limit ${FEW + 1}`, values);
  return rows.length > FEW ? undefined : rows.map(({ id }) => id);
}

function fewRows(resource: Resource, keys: readonly (string | number)[]): BoundRows {
  const values = new SqlValues();
  const type = typeof keys[0] === 'number' ? 'int' : 'uuid';
  const condition = `t.id = any(${values.bind(keys)}::${type}[])`;
  return { rows: rowSource(resource, condition, 'true', undefined), values };
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

/** The rows of a list before paging: how to count them and how to read their keys in order. */
interface RowSource {
  /** How many they are, when that is stored. */
  readonly known: number | undefined;
  readonly count: string;
  /** Their keys in any order. */
  readonly some: string;
  keys(order: readonly OrderPart[], backwards: boolean): string;
}

function rowSource(resource: Resource, filtered: string, visible: string, driver: KeySource | undefined): RowSource {
  const where = allOf([resource.where, filtered, visible].filter((part) => part !== 'true'));
  const alone = driver && where === allOf([allOf([driver.replaces])]) ? driver : undefined;
  const rows = alone ? `from ${alone.from} where ${alone.where}` : `from ${resource.from} where ${where}`;
  return {
    known: alone?.count,
    count: where === 'true' && resource.count ? resource.count : `select count(*)::int as count ${rows}`,
    some: `select ${alone ? `${alone.key} as id` : 't.id'} ${rows}`,
    keys(order, backwards) {
      if (alone && order === NEWEST_FIRST)
        return `select ${alone.key} ${rows} order by ${alone.key} ${backwards ? 'asc' : 'desc'}`;
      return `select t.id from ${resource.from} where ${where} order by ${orderSql(order, backwards)}`;
    },
  };
}

async function countRows(
  tx: DataSource | EntityManager,
  { count }: RowSource,
  values: readonly unknown[],
): Promise<number> {
  const [row] = await rowsOf<{ count: number }>(tx, count, values);
  return row?.count ?? 0;
}

/**
 * Rows of one page: its keys are found first, so that only the shown rows are fetched. Pages beyond the middle are read from
 * the other end, which halves the way to the farthest one.
 */
async function pageRows(
  tx: DataSource | EntityManager,
  resource: Resource,
  { query, fields }: ListRequest,
  source: RowSource,
  values: SqlValues,
  { limit, offset }: Window,
  count: number,
  show: ShowScope,
): Promise<Record<string, unknown>[]> {
  const backwards = offset > count / 2;
  const order = readOrdering(query, resource.ordering, resource.defaultOrder);
  const { columns, shape } = columnsOf(resource, fields, show);
  const keys = `${source.keys(order, backwards)}
    limit ${values.bind(limit)} offset ${values.bind(backwards ? count - offset - limit : offset)}`;
  const rows = await rowsOf<Record<string, unknown>>(
    tx,
    `select ${columns} from ${resource.from}, unnest(array(${keys})) with ordinality as page(key, place)
      where t.id = page.key order by page.place ${backwards ? 'desc' : 'asc'}`,
    values.values,
  );
  return rows.map(shape);
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
