import { badField } from '../errors.js';
import { likeLiteral } from '../sql.js';
import { several, single, type Filter, type FilterScope } from './filter.js';

/** How a text is compared. */
export type TextLookup =
  'exact' | 'ne' | 'iexact' | 'in' | 'contains' | 'icontains' | 'startswith' | 'istartswith' | 'regex' | 'iregex';

/** Every lookup of names. */
export const NAME_LOOKUPS: readonly TextLookup[] = [
  'exact',
  'iexact',
  'in',
  'contains',
  'icontains',
  'startswith',
  'istartswith',
  'regex',
  'iregex',
];

const SQL: Readonly<
  Record<Exclude<TextLookup, 'in'>, (column: string, bind: (value: string) => string, value: string) => string>
> = {
  exact: (column, bind, value) => `${column} = ${bind(value)}`,
  ne: (column, bind, value) => `${column} is distinct from ${bind(value)}`,
  iexact: (column, bind, value) => `${column} ilike ${bind(likeLiteral(value))}`,
  contains: (column, bind, value) => `${column} like ${bind(`%${likeLiteral(value)}%`)}`,
  icontains: (column, bind, value) => `${column} ilike ${bind(`%${likeLiteral(value)}%`)}`,
  startswith: (column, bind, value) => `${column} like ${bind(`${likeLiteral(value)}%`)}`,
  istartswith: (column, bind, value) => `${column} ilike ${bind(`${likeLiteral(value)}%`)}`,
  regex: (column, bind, value) => `${column} ~ ${bind(value)}`,
  iregex: (column, bind, value) => `${column} ~* ${bind(value)}`,
};

const SAYS: Readonly<Record<TextLookup, string>> = {
  exact: 'matches value',
  ne: 'not equal to value',
  iexact: 'matches value, ignoring case',
  in: 'is in a comma-separated list of values',
  contains: 'contains value',
  icontains: 'contains value, ignoring case',
  startswith: 'starts with value',
  istartswith: 'starts with value, ignoring case',
  regex: 'matches regex value',
  iregex: 'matches regex value, ignoring case',
};

/** Filters on a text column; by default every lookup that names have. */
export function textFilters(name: string, column: string, lookups: readonly TextLookup[] = NAME_LOOKUPS): Filter[] {
  return lookups.map((lookup) => textFilter(lookup === 'exact' ? name : `${name}__${lookup}`, column, lookup, name));
}

/** One comparison of a text column under its own parameter name. */
export function textFilter(name: string, column: string, lookup: TextLookup, subject = name): Filter {
  const description = `Filter results where ${subject} ${SAYS[lookup]}`;
  if (lookup === 'in') return textIn(name, column, description);
  return {
    name,
    schema: { type: 'string' },
    description,
    compile(raw, scope) {
      if (lookup === 'regex' || lookup === 'iregex') scope.guard = name;
      return SQL[lookup](column, (value) => scope.values.bind(value), single(raw));
    },
  };
}

/** One of the values that there can be. */
export const choice = (name: string, column: string, choices: readonly string[]): Filter => ({
  name,
  schema: { type: 'string', enum: choices },
  description: `Filter results where ${name} matches value`,
  compile(raw, { values }) {
    const value = single(raw);
    if (!choices.includes(value))
      throw badField(name, `Select a valid choice. ${value.slice(0, 100)} is not one of the available choices.`);
    return `${column} = ${values.bind(value)}`;
  },
});

/** One of several texts, with commas between. */
export const textIn = (name: string, column: string, description?: string): Filter => ({
  name,
  schema: { type: 'array', items: { type: 'string' } },
  explode: false,
  description: description ?? 'Multiple values may be separated by commas.',
  compile: (raw: readonly string[], scope: FilterScope) =>
    `${column} = any(${scope.values.bind(several(raw))}::text[])`,
});
