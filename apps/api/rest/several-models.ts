import { derived, type Field } from './fields.js';
import type { Filter } from './filters/filter.js';
import { textFilter, textIn } from './filters/text.js';
import { hrefTo, prnOf, repositoryModel, type ModelName } from './models.js';

/** How rows of several models in one table or list are named: a column says which model each is. */
export interface SeveralModels {
  /** The path of a row that SQL yields as its type and its key, `container <uuid>`. */
  readonly href: (typed: string) => string;
  /** `pulp_href` and `prn` of a row `t`. */
  readonly fields: Record<'pulp_href' | 'prn', Field>;
  /** The same as PRN. */
  readonly prn: (typed: string) => string;
  /** `pulp_type` and `pulp_type__in`. */
  readonly filters: readonly Filter[];
  /** SQL of what `pulp_type` says. */
  readonly typeSql: string;
}

/** Names for rows whose model follows from the value of a column; `pulp_type` has the app before that value. */
export function severalModels(
  app: 'container' | 'core',
  modelOf: (type: string) => ModelName,
  column = 't.type',
): SeveralModels {
  const naming = (name: (model: ModelName, id: string) => string) => (typed: string) => {
    const [type = '', id = ''] = typed.split(' ');
    return name(modelOf(type), id);
  };
  const [href, prn] = [naming(hrefTo), naming(prnOf)];
  const typed = `${column} || ' ' || t.id`;
  const typeSql = `'${app}.' || ${column}`;
  return {
    href,
    prn,
    fields: {
      pulp_href: derived(typed, { type: 'string', format: 'uri' }, href),
      prn: derived(typed, { type: 'string' }, prn),
    },
    filters: [textFilter('pulp_type', typeSql, 'exact'), textIn('pulp_type__in', typeSql)],
    typeSql,
  };
}

/** Names of repositories, whatever their type. */
export const REPOSITORY_NAMES = severalModels('container', repositoryModel);
