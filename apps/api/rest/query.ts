import { badField, badRequest } from './errors.js';
import { parseExpression, type Expression } from './filters/expression.js';
import type { Filter, FilterScope } from './filters/filter.js';
import type { Resource } from './resource.js';
import { allOf } from './sql.js';

/** The query of a request: each parameter with its values in order. */
export type QueryValues = ReadonlyMap<string, readonly string[]>;

/** Longest value of one parameter; identity lists of a thousand hrefs stay below. */
const LONGEST = 256 * 1024;

/** Reads the query of a URL; refuses what cannot be stored or compared. */
export function readQuery(url: string): Map<string, string[]> {
  const query = new Map<string, string[]>();
  const start = url.indexOf('?');
  if (start < 0) return query;
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    if (value.includes('\0')) throw badField(name.replaceAll('\0', ''), 'Null characters are not allowed.');
    if (value.length > LONGEST) throw badField(name.slice(0, 100), 'The value is too long.');
    const values = query.get(name);
    if (values) values.push(value);
    else query.set(name, [value]);
  }
  return query;
}

/** Parameters that every read knows. */
export const SELECTION = ['fields', 'exclude_fields'] as const;
const LISTING = ['limit', 'offset'] as const;

/** Refuses parameters that mean nothing here. */
export function refuseUnknown(query: QueryValues, known: Iterable<string>): void {
  const names = new Set(known);
  for (const name of query.keys())
    if (!names.has(name)) throw badRequest({ errors: [`Invalid Filter: '${name.slice(0, 200)}'`] });
}

/** Names of all parameters of a list. */
export function listParameters(resource: Resource): string[] {
  return [
    ...resource.filters.map(({ name }) => name),
    ...(resource.bare ? [] : ['q', 'ordering']),
    ...LISTING,
    ...SELECTION,
    ...(resource.minimal ? ['minimal'] : []),
  ];
}

/** SQL that holds for the rows that the query's filters let pass. */
export async function compileFilters(resource: Resource, query: QueryValues, scope: FilterScope): Promise<string> {
  const parts: string[] = [];
  for (const filter of resource.filters) {
    const raw = query.get(filter.name);
    if (raw && raw.some((value) => value !== '')) parts.push(await filter.compile(raw, scope));
  }
  const q = query.get('q')?.at(-1);
  if (q && !resource.bare) parts.push(await compileExpression(resource, parseExpression(q), scope));
  return allOf(parts);
}

async function compileExpression(resource: Resource, expression: Expression, scope: FilterScope): Promise<string> {
  if (expression.kind === 'not')
    return `not coalesce(${await compileExpression(resource, expression.part, scope)}, false)`;
  if (expression.kind === 'filter')
    return `(${await filterNamed(resource, expression.name).compile([expression.value], scope)})`;
  const parts: string[] = [];
  for (const part of expression.parts) parts.push(await compileExpression(resource, part, scope));
  return `(${parts.join(` ${expression.kind} `)})`;
}

/** Refuses an expression that no list of the resource takes, whatever its values; the 400 names the field that it came in. */
export function checkExpression(resource: Resource, text: string, field: string): void {
  const check = (expression: Expression): void => {
    if (expression.kind === 'filter') filterNamed(resource, expression.name, field);
    else if (expression.kind === 'not') check(expression.part);
    else expression.parts.forEach(check);
  };
  check(parseExpression(text, field));
}

function filterNamed(resource: Resource, name: string, field = 'q'): Filter {
  if (name === 'ordering') throw badField(field, 'An ordering filter cannot be used in complex filtering.');
  const filter = resource.filters.find((each) => each.name === name);
  if (!filter) throw badField(field, `Filter '${name}' does not exist.`);
  if (filter.simple) throw badField(field, `You cannot use '${name}' in complex filtering.`);
  return filter;
}

/** Names of the response members that the query asks for. */
export function selectFields(resource: Resource, query: QueryValues): string[] {
  const named = (name: string) =>
    new Set(
      (query.get(name) ?? [])
        .flatMap((each) => each.split(','))
        .map((each) => each.trim())
        .filter(Boolean),
    );
  const [wanted, unwanted] = [named('fields'), named('exclude_fields')];
  const minimal = resource.minimal && isTrue(query.get('minimal')?.at(-1));
  const all = minimal ? resource.minimal : Object.keys(resource.fields);
  return all.filter((name) => (wanted.size === 0 || wanted.has(name)) && !unwanted.has(name));
}

const isTrue = (value: string | undefined): boolean => ['true', '1', 'yes', 'on'].includes((value ?? '').toLowerCase());
