import type { Schema } from '../fields.js';
import type { Filter } from '../filters/filter.js';
import type { Operation } from '../operation.js';
import type { Resource } from '../resource.js';
import type { DocumentedRoute } from './routes.js';

/** A parameter of an operation. */
export interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly schema: Schema;
  readonly description?: string;
  readonly required?: boolean;
  readonly explode?: boolean;
  readonly style?: string;
}

const TEXTS: Schema = { type: 'array', items: { type: 'string' } };

const query = (name: string, schema: Schema, description?: string, explode?: boolean): Parameter => ({
  in: 'query',
  name,
  schema,
  ...(description ? { description } : {}),
  ...(explode === undefined ? {} : { explode, style: 'form' }),
});

const SELECTION = [
  query('fields', TEXTS, 'A list of fields to include in the response.'),
  query('exclude_fields', TEXTS, 'A list of fields to exclude from the response.'),
];

const fromFilter = ({ name, schema, description, explode }: Filter) => query(name, schema, description, explode);

function orderingParameter(resource: Resource): Parameter {
  const names = Object.keys(resource.ordering).flatMap((name) => [name, `-${name}`]);
  return query('ordering', { type: 'array', items: { type: 'string', enum: names } }, 'Ordering', false);
}

function listParameters(resource: Resource): Parameter[] {
  return [
    query('limit', { type: 'integer' }, 'Number of results to return per page.'),
    query('offset', { type: 'integer' }, 'The initial index from which to return the results.'),
    ...resource.filters.map(fromFilter),
    ...(resource.bare
      ? []
      : [
          orderingParameter(resource),
          query('q', { type: 'string' }, 'Filter results by using NOT, AND and OR operations on other filters'),
        ]),
  ];
}

const isRead = ({ answers, method }: Operation): boolean => method === 'get' && answers[200] !== 'empty';

/** Parameters of an operation, sorted by name, with those of the path first. */
export function parametersOf({ place, operation, parameter }: DocumentedRoute): Parameter[] {
  const own = (operation.query ?? []).map(({ name, schema, description }) => query(name, schema, description));
  const headers = (operation.headers ?? []).map((each): Parameter => ({
    in: 'header',
    schema: { type: 'string' },
    ...each,
  }));
  const { resource } = place;
  const listing = resource && operation.answers[200] === 'page' ? listParameters(resource) : [];
  const minimal =
    resource?.minimal && isRead(operation) ? [query('minimal', { type: 'boolean' }, 'Show a shorter form.')] : [];
  const path: Parameter[] = parameter
    ? [{ in: 'path', name: parameter, schema: { type: 'string' }, required: true }]
    : [];
  const rest = [
    ...headers,
    ...own,
    ...listing,
    ...minimal,
    ...(isRead(operation) && !operation.produces ? SELECTION : []),
  ];
  return [...path, ...rest.sort((left, right) => (left.name < right.name ? -1 : 1))];
}
