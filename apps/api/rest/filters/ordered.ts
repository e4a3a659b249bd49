import { single, timestamp, truth, twoEnds, wholeNumber, type Filter } from './filter.js';

/** How numbers and times are compared. */
export type OrderedLookup = 'exact' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte' | 'range' | 'isnull';

const OPERATORS = { exact: '=', ne: 'is distinct from', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;

const SAYS: Readonly<Record<OrderedLookup, string>> = {
  exact: 'matches value',
  ne: 'not equal to value',
  lt: 'is less than value',
  lte: 'is less than or equal to value',
  gt: 'is greater than value',
  gte: 'is greater than or equal to value',
  range: 'is between two comma separated values',
  isnull: 'has a null value',
};

interface Kind {
  readonly type: string;
  readonly schema: Readonly<Record<string, unknown>>;
  read(name: string, value: string): string;
}

const TIME: Kind = { type: 'timestamptz', schema: { type: 'string', format: 'date-time' }, read: timestamp };
const WHOLE: Kind = { type: 'bigint', schema: { type: 'integer' }, read: wholeNumber };

function ordered(name: string, column: string, kind: Kind, lookups: readonly OrderedLookup[]): Filter[] {
  return lookups.map((lookup) => {
    const parameter = lookup === 'exact' ? name : `${name}__${lookup}`;
    const description = `Filter results where ${name} ${SAYS[lookup]}`;
    if (lookup === 'isnull') return isNull(parameter, column, description);
    if (lookup === 'range') return between(parameter, column, kind, description);
    return {
      name: parameter,
      schema: kind.schema,
      description,
      compile: (raw, { values }) =>
        `${column} ${OPERATORS[lookup]} ${values.bind(kind.read(parameter, single(raw)))}::${kind.type}`,
    } satisfies Filter;
  });
}

const between = (name: string, column: string, kind: Kind, description: string): Filter => ({
  name,
  schema: { type: 'array', items: kind.schema },
  explode: false,
  description,
  compile(raw, { values }) {
    const [from, to] = twoEnds(name, raw).map((each) => `${values.bind(kind.read(name, each))}::${kind.type}`);
    return `${column} between ${from} and ${to}`;
  },
});

const isNull = (name: string, column: string, description: string): Filter => ({
  name,
  schema: { type: 'boolean' },
  description,
  compile: (raw) => `${column} is ${truth(name, single(raw)) ? '' : 'not '}null`,
});

/** Filters on a point in time. */
export const timeFilters = (name: string, column = `t.${name}`): Filter[] =>
  ordered(name, column, TIME, ['exact', 'lt', 'lte', 'gt', 'gte', 'range', 'isnull']);

/** Filters on a whole number that may be null. */
export const nullableNumberFilters = (name: string, column = `t.${name}`): Filter[] =>
  ordered(name, column, WHOLE, ['exact', 'ne', 'lt', 'lte', 'gt', 'gte', 'range', 'isnull']);

/** Filters on a whole number. */
export const numberFilters = (
  name: string,
  column = `t.${name}`,
  lookups: readonly OrderedLookup[] = ['exact', 'lt', 'lte', 'gt', 'gte', 'range'],
): Filter[] => ordered(name, column, WHOLE, lookups);

/** A filter on something that is true or false. */
export const flagFilter = (name: string, condition: string): Filter => ({
  name,
  schema: { type: 'boolean' },
  compile: (raw) => `(${condition}) is ${truth(name, single(raw))}`,
});
