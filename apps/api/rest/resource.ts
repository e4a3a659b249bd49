import { noteShown } from './body/body-field.js';
import type { Field } from './fields.js';
import type { Filter } from './filters/filter.js';
import { identityFilters } from './filters/references.js';
import { MODELS, type Model, type ModelName } from './models.js';
import { NEWEST_FIRST, type OrderPart } from './ordering.js';
import type { AccessRules } from './access/rules.js';

/** A class of request bodies, with the decorators of `body/`. */
export type BodyClass<Body extends object = object> = new () => Body;

/** Everything that is known of a kind of resource: what is shown, filtered, ordered, allowed and documented. */
export interface Resource {
  /** What its rows are; a list over several models has one model as its name and names them in `models`. */
  readonly model: ModelName;
  readonly models: readonly ModelName[];
  /** Collection path below the API root. */
  readonly path: string;
  /** Name of the path parameter in the API document. */
  readonly parameter: string;
  readonly noun: string;
  /** Prefix of operation ids. */
  readonly operations: string;
  /** Tag of operations: generated clients name their classes after it. */
  readonly tag: string;
  /** Name of the schema of request bodies; `Response` is appended for responses. */
  readonly schema: string;
  /** `container` or `core`, for `?component=`. */
  readonly component: string;
  /** FROM clause; the row is `t`. */
  readonly from: string;
  /** SQL that holds for every row of this resource. */
  readonly where: string;
  readonly fields: Readonly<Record<string, Field>>;
  readonly filters: readonly Filter[];
  /** What lists can be ordered by, and the SQL for it. */
  readonly ordering: Readonly<Record<string, string>>;
  /** ORDER BY of lists that ask for none. */
  readonly defaultOrder: readonly OrderPart[];
  /** Members of a shorter response. */
  readonly minimal?: readonly string[];
  readonly access: AccessRules;
  /** Request body of create and update. */
  readonly body?: BodyClass;
  /**
   * SQL for `count`, how many rows there are in all, where that is kept and need not be counted, and for `state`, a number that
   * never comes back once rows came, went or changed in what filters look at.
   */
  readonly tally?: string;
  /** No ordering, `q` or identity filters. */
  readonly bare?: boolean;
}

/** `ordering` names what lists can be ordered by beside the columns that are shown. */
type Given = Pick<Resource, 'model' | 'tag' | 'schema' | 'fields' | 'access'> & Partial<Resource>;

/** Members that are shown as they are stored: lists can be ordered by each. */
function columnsOf(fields: Resource['fields']): Record<string, string> {
  const columns = Object.entries(fields).filter(([, { sql, show }]) => !show && sql && /^t\.\w+$/.test(sql));
  return Object.fromEntries(columns.map(([name, { sql }]) => [name, sql!]));
}

/** Fills in what follows from the model. */
export function defineResource(given: Given): Resource {
  const model: Model = MODELS[given.model];
  const isOwn = given.path === undefined && given.models === undefined;
  const path = given.path ?? model.path;
  const models = given.models ?? [given.model];
  const ordering: Record<string, string> = {
    pulp_id: 't.id',
    pk: 't.id',
    pulp_created: 't.pulp_created',
    pulp_last_updated: 't.pulp_last_updated',
    ...columnsOf(given.fields),
    ...given.ordering,
  };
  const resource: Resource = {
    path,
    parameter: model.parameter,
    noun: model.noun,
    operations: path.replaceAll(/[/-]/g, '_'),
    component: given.model.startsWith('container.') ? 'container' : 'core',
    from: `${model.table} t`,
    where: model.discriminator ?? 'true',
    defaultOrder: NEWEST_FIRST,
    ...given,
    models,
    ordering,
    filters: given.bare ? (given.filters ?? []) : [...(given.filters ?? []), ...identityFilters(models)],
  };
  if (isOwn) byModel.set(given.model, resource);
  if (given.body) noteShown(given.body, Object.keys(given.fields));
  return resource;
}

const byModel = new Map<ModelName, Resource>();

/** The resource that shows the rows of a model at the model's own path. */
export function resourceOf(model: ModelName): Resource {
  const resource = byModel.get(model);
  if (!resource) throw new Error(`no resource shows ${model}`);
  return resource;
}
