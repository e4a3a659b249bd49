import { several, single, type Filter } from '../rest/filters/filter.js';
import { hrefTo, locate, prnOf } from '../rest/models.js';

/** The names under which tasks may hold a resource: its PRN, its path, or the `pdrn:` name as it is. */
function namesOf(uri: string): string[] {
  const found = locate(uri);
  return found && 'id' in found ? [prnOf(found.model, found.id), hrefTo(found.model, found.id)] : [uri];
}

type Mode = 'reserved' | 'exclusive' | 'shared';

const withMode = (mode: Mode, name: string): string[] => [
  ...(mode === 'shared' ? [] : [name]),
  ...(mode === 'exclusive' ? [] : [`shared:${name}`]),
];

/** Tasks that hold or held resources in a mode; with several, all of them. */
function resourceFilter(name: string, mode: Mode, listed: boolean): Filter {
  return {
    name,
    schema: listed ? { type: 'array', items: { type: 'string' } } : { type: 'string' },
    ...(listed ? { explode: false } : {}),
    description: 'Href or PRN of a resource that the task holds.',
    compile(raw, { values }) {
      const uris = listed ? several(raw) : [single(raw)];
      const records = uris.map((uri) => namesOf(uri).flatMap((each) => withMode(mode, each)));
      const parts = records.map((each) => `t.reserved_resources_record && ${values.bind(each)}::text[]`);
      return parts.length === 0 ? 'false' : parts.join(listed ? ' or ' : ' and ');
    },
  };
}

/** `reserved_resources`, `exclusive_resources` and `shared_resources`, each also with `__in`. */
export const resourceFilters: readonly Filter[] = (['reserved', 'exclusive', 'shared'] as const).flatMap((mode) => [
  resourceFilter(`${mode}_resources`, mode, false),
  resourceFilter(`${mode}_resources__in`, mode, true),
]);
