import type { FilterScope } from './filters/filter.js';
import { NEWEST_FIRST, orderSql, type OrderPart } from './ordering.js';
import type { Resource } from './resource.js';
import { allOf, SqlValues } from './sql.js';

/** The rows of a list before paging: how to count them and how to read their keys in order. */
export interface RowSource {
  /** Values that all its SQL is about. */
  readonly values: readonly unknown[];
  /** How many they are, when that is stored. */
  readonly stored: number | undefined;
  /** They are all there are. */
  readonly whole: boolean;
  /** A filter was asked for. */
  readonly filtered: boolean;
  /** They stay the same while the state of the resource does. */
  readonly lasting: boolean;
  readonly count: string;
  /** Their keys in any order. */
  readonly some: string;
  readonly keys: (order: readonly OrderPart[], backwards: boolean) => string;
}

/** Rows that the filters let pass and the caller may see. */
export function rowSource(
  resource: Resource,
  filtered: string,
  visible: string,
  { values, driver, fleeting }: Pick<FilterScope, 'values' | 'driver' | 'fleeting'>,
): RowSource {
  const where = allOf([resource.where, filtered, visible].filter((part) => part !== 'true'));
  const alone = driver && where === allOf([allOf([driver.replaces])]) ? driver : undefined;
  const rows = alone ? `from ${alone.from} where ${alone.where}` : `from ${resource.from} where ${where}`;
  return {
    values: values.values,
    stored: alone?.count,
    whole: where === 'true',
    filtered: filtered !== 'true',
    lasting: resource.tally !== undefined && visible === 'true' && !fleeting,
    count: `select count(*)::int as count ${rows}`,
    some: `select ${alone ? `${alone.key} as id` : 't.id'} ${rows}`,
    keys(order, backwards) {
      if (alone && order === NEWEST_FIRST)
        return `select ${alone.key} as id ${rows} order by ${alone.key} ${backwards ? 'asc' : 'desc'}`;
      return `select t.id from ${resource.from} where ${where} order by ${orderSql(order, backwards)}`;
    },
  };
}

/** The rows with these keys. */
export function fewRows(resource: Resource, keys: readonly (string | number)[]): RowSource {
  const values = new SqlValues();
  const type = typeof keys[0] === 'number' ? 'int' : 'uuid';
  return rowSource(resource, `t.id = any(${values.bind(keys)}::${type}[])`, 'true', { values });
}
