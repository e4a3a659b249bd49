import { isUuid } from '#platform/identifiers.js';
import { badField, badRequest } from '../errors.js';
import { locate, MODELS, type Model, type ModelName } from '../models.js';
import { several, single, type Filter, type FilterScope } from './filter.js';

const unresolved = (uri: string) => badRequest([`URI couldn't be resolved: ${uri.slice(0, 300)}`]);

/** Keys of the resources of these models that an href, PRN or bare UUID names. */
function keyOf(uri: string, field: string, models: readonly ModelName[]): string {
  const found = locate(uri);
  if (!found) {
    if (isUuid(uri)) return uri.toLowerCase();
    throw /^[0-9a-fA-F-]+$/.test(uri) ? badRequest([`UUID invalid: ${uri.slice(0, 300)}`]) : unresolved(uri);
  }
  if (!('id' in found) || !models.includes(found.model))
    throw badRequest([`URI/PRN is not a valid href for ${field} model: ${uri.slice(0, 300)}`]);
  return found.id;
}

/** A column that holds the key of another resource; `null` and the empty text mean none. */
export const hrefFilter = (name: string, column: string, ...models: ModelName[]): Filter => ({
  name,
  schema: { type: 'string' },
  description: 'Href or PRN of the related resource.',
  compile(raw, { values }) {
    const uri = single(raw);
    if (uri === 'null' || uri === '') return `${column} is null`;
    return `${column} = ${values.bind(keyOf(uri, name, models))}::uuid`;
  },
});

/** A column that holds the key of one of several resources. */
export const hrefInFilter = (name: string, column: string, ...models: ModelName[]): Filter => ({
  name,
  schema: { type: 'array', items: { type: 'string' } },
  explode: false,
  description: 'Multiple values may be separated by commas.',
  compile(raw, { values }) {
    const keys = several(raw).map((uri) => keyOf(uri, name, models));
    return `${column} = any(${values.bind(keys)}::uuid[])`;
  },
});

/** SQL that is true when a key made by the callback from a bound list of keys is among what these name. */
export const keysFilter = (
  name: string,
  models: readonly ModelName[],
  condition: (keys: string) => string,
  listed = false,
): Filter => ({
  name,
  schema: listed ? { type: 'array', items: { type: 'string' } } : { type: 'string' },
  description: listed ? 'Hrefs or PRNs of related resources.' : 'Href or PRN of a related resource.',
  ...(listed ? { explode: false } : {}),
  compile(raw, { values }) {
    const uris = listed ? several(raw) : [single(raw)];
    return condition(`${values.bind(uris.map((uri) => keyOf(uri, name, models)))}::uuid[]`);
  },
});

function ownKeys(name: string, own: readonly ModelName[], raw: readonly string[]): string[] {
  return several(raw).map((uri) => {
    const found = locate(uri);
    if (!found) throw unresolved(uri);
    const mine = 'id' in found && own.includes(found.model);
    return mine ? found.id : '';
  });
}

const keyType = (own: readonly ModelName[]) => ((MODELS[own[0]!] as Model).integerKey ? 'int' : 'uuid');

/** The filters by identity that every list has. */
export function identityFilters(own: readonly ModelName[]): Filter[] {
  const type = keyType(own);
  const among = (keys: string[], { values }: FilterScope) =>
    `t.id = any(${values.bind(keys.filter((key) => key !== ''))}::${type}[])`;
  const listed = { explode: false, schema: { type: 'array', items: { type: 'string' } } };
  const description = 'Multiple values may be separated by commas.';
  const byId: Filter = {
    name: 'pulp_id__in',
    ...listed,
    schema: { type: 'array', items: type === 'uuid' ? { type: 'string', format: 'uuid' } : { type: 'integer' } },
    description,
    compile(raw, scope) {
      const wrong = several(raw).find((each) => !(type === 'uuid' ? isUuid(each) : /^\d{1,9}$/.test(each)));
      if (wrong !== undefined) throw badField('pulp_id__in', `“${wrong.slice(0, 100)}” is not a valid UUID.`);
      return among(several(raw), scope);
    },
  };
  const named = (name: string): Filter => ({
    name,
    ...listed,
    description,
    compile: (raw, scope) => among(ownKeys(name, own, raw), scope),
  });
  return [byId, named('pulp_href__in'), named('prn__in')];
}
