import { DEFAULT_GUARD_ID } from '#content/guards/content-guard.entity.js';
import { GUARD_NAMES } from '../guards/guard-names.js';
import { on, viewable, type AccessRules, type Rule, type Scope } from '../rest/access/rules.js';
import {
  baseFields,
  constant,
  derived,
  flag,
  href,
  hrefs,
  labels,
  text,
  timeSql,
  type Field,
  type ShowScope,
} from '../rest/fields.js';
import type { Filter } from '../rest/filters/filter.js';
import { labelSelect } from '../rest/filters/label-select.js';
import { hrefFilter, hrefInFilter, keysFilter } from '../rest/filters/references.js';
import { textFilter, textFilters } from '../rest/filters/text.js';
import { versionHref, type ModelName } from '../rest/models.js';
import { BY_NAME, ordersNothing } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';
import { REPOSITORY_NAMES, severalModels } from '../rest/several-models.js';
import { CONTENT_MODELS } from '../content/content-models.js';
import { DistributionBody, PullThroughDistributionBody } from './dto/distribution.body.js';

const REPOSITORY_MODELS = ['container.containerrepository', 'container.containerpushrepository'] as const;
const nullable = { nullable: true };
const HREF = { type: 'string', format: 'uri', nullable: true };

const repository = derived(
  `(select r.type || ' ' || r.id from repository r where r.id = t.repository_id)`,
  HREF,
  (typed: string | null) => (typed === null ? null : REPOSITORY_NAMES.href(typed)),
  false,
);

const repositoryVersion = derived(
  `(select r.type || ' ' || r.id || ' ' || v.number from repository_version v join repository r on r.id = v.repository_id
     where v.id = t.repository_version_id)`,
  HREF,
  (typed: string | null) => {
    const [type = '', id = '', number = ''] = typed?.split(' ') ?? [];
    return typed === null ? null : versionHref(type, id, Number(number));
  },
  false,
);

/** When what is served last changed: the version's making. */
const lastChange = derived(
  `(select ${timeSql('max(v.pulp_created)')} from repository_version v left join repository r on r.id = t.repository_id
     where v.id = t.repository_version_id or (v.repository_id = t.repository_id and v.number = r.head))`,
  { type: 'string', nullable: true },
  (value: unknown) => value,
);

const GUARD = `(select g.type || ' ' || g.id from content_guard g where g.id = coalesce(t.content_guard_id, '${DEFAULT_GUARD_ID}'))`;

const commonFields = (model: ModelName): Record<string, Field> => ({
  ...baseFields(model),
  name: text('t.name'),
  base_path: text('t.base_path'),
  content_guard: derived(GUARD, { type: 'string', format: 'uri' }, GUARD_NAMES.href, false),
  content_guard_prn: derived(GUARD, { type: 'string' }, GUARD_NAMES.prn),
  no_content_change_since: lastChange,
  hidden: flag('t.hidden'),
  pulp_labels: labels(),
  repository,
  repository_version: repositoryVersion,
});

const ownFields: Record<string, Field> = {
  private: flag('t.private'),
  description: text('t.description', nullable),
  trust_policy: href('hallmark.trustpolicy', 't.trust_policy_id', nullable),
  namespace: href('container.containernamespace', 't.namespace_id', { nullable: true, readOnly: true }),
};

const SERVES = (keys: string) => `exists (select 1 from membership m where m.unit_id = any(${keys}) and (
    (m.repository_id = t.repository_id and m.removed_in is null)
    or exists (select 1 from repository_version v where v.id = t.repository_version_id and v.repository_id = m.repository_id
      and m.added_in <= v.number and (m.removed_in is null or m.removed_in > v.number))))`;

const filters: readonly Filter[] = [
  ...textFilters('name', 't.name'),
  ...textFilters('base_path', 't.base_path', ['exact', 'contains', 'icontains', 'in']),
  hrefFilter('repository', 't.repository_id', ...REPOSITORY_MODELS),
  hrefInFilter('repository__in', 't.repository_id', ...REPOSITORY_MODELS),
  {
    name: 'checkpoint',
    schema: { type: 'boolean' },
    compile: (raw) => (raw.at(-1)?.toLowerCase() === 'true' ? 'false' : 'true'),
  },
  keysFilter('with_content', CONTENT_MODELS, SERVES),
  labelSelect(),
];

const ordering = { pulp_type: 't.type', ...ordersNothing('checkpoint') };

const namespaced = (permission: string) => on(`container.namespace_${permission}_containerdistribution`, 'namespace');
const view: Rule = [[on('container.view_containerdistribution'), namespaced('view')]];
const change: Rule = [[on('container.change_containerdistribution'), namespaced('change')], ...view];
const manage: Rule = [[on('container.manage_roles_containerdistribution')]];

/** Distributions that somebody may see: public ones, his own and those of namespaces that he may see. */
const distributionScope: Scope = (facts, values) => {
  const own = facts.keysWith('container.view_containerdistribution', 'container.containerdistribution');
  const namespaces = facts.keysWith('container.namespace_view_containerdistribution', 'container.containernamespace');
  if (own === 'all' || namespaces === 'all') return 'true';
  return `not t.private or t.id::text = any(${values.bind(own)}::text[])
    or t.namespace_id::text = any(${values.bind(namespaces)}::text[])`;
};

const DISTRIBUTION_RULES: AccessRules = {
  actions: {
    list: 'authenticated',
    read: 'authenticated',
    // Who may make one depends on its path; the controller decides.
    create: 'authenticated',
    update: change,
    partial_update: change,
    set_label: change,
    unset_label: change,
    delete: [[on('container.delete_containerdistribution'), namespaced('delete')], ...view],
    list_roles: manage,
    add_role: manage,
    remove_role: manage,
    my_permissions: 'authenticated',
  },
  scope: distributionScope,
  ownerRole: 'container.containerdistribution_owner',
};

const registryPath = derived(
  't.base_path',
  { type: 'string' },
  (path: string, { publicHost }: ShowScope) => `${publicHost}/${path}`,
);

const remoteField = (model: ModelName) => href(model, 't.remote_id', { nullable: true, readOnly: true });

/** What is served under a path. */
export const DISTRIBUTIONS = defineResource({
  model: 'container.containerdistribution',
  tag: 'Distributions: Container',
  schema: 'container.ContainerDistribution',
  fields: {
    ...commonFields('container.containerdistribution'),
    registry_path: registryPath,
    remote: remoteField('container.containerremote'),
    ...ownFields,
  },
  filters: [
    ...filters,
    textFilter('namespace__name', '(select n.name from namespace n where n.id = t.namespace_id)', 'exact'),
  ],
  ordering,
  defaultOrder: BY_NAME,
  access: DISTRIBUTION_RULES,
  body: DistributionBody,
});

const pullThroughScope = viewable(
  'container.view_containerpullthroughdistribution',
  'container.containerpullthroughdistribution',
);
const pullThrough = (verb: string): Rule => [[on(`container.${verb}_containerpullthroughdistribution`)]];

/** Whole registries served under a path. */
export const PULL_THROUGH_DISTRIBUTIONS = defineResource({
  model: 'container.containerpullthroughdistribution',
  tag: 'Distributions: Pull_Through',
  schema: 'container.ContainerPullThroughDistribution',
  fields: {
    ...commonFields('container.containerpullthroughdistribution'),
    registry_path: registryPath,
    remote: href('container.containerpullthroughremote', 't.remote_id', nullable),
    distributions: hrefs(
      'container.containerdistribution',
      'array(select c.id from distribution c where c.parent_id = t.id order by c.base_path)',
      { readOnly: false },
    ),
    ...ownFields,
  },
  filters,
  ordering,
  defaultOrder: BY_NAME,
  access: {
    actions: {
      ...DISTRIBUTION_RULES.actions,
      update: pullThrough('change'),
      partial_update: pullThrough('change'),
      set_label: pullThrough('change'),
      unset_label: pullThrough('change'),
      delete: pullThrough('delete'),
      list_roles: pullThrough('manage_roles'),
      add_role: pullThrough('manage_roles'),
      remove_role: pullThrough('manage_roles'),
    },
    scope: (facts, values) => `not t.private or ${pullThroughScope(facts, values)}`,
    ownerRole: 'container.containerpullthroughdistribution_owner',
  },
  body: PullThroughDistributionBody,
});

const NAMES = severalModels('container', (type) =>
  type === 'pull-through' ? 'container.containerpullthroughdistribution' : 'container.containerdistribution',
);

/** All distributions, whatever their type. */
export const ALL_DISTRIBUTIONS = defineResource({
  model: 'container.containerdistribution',
  models: ['container.containerdistribution', 'container.containerpullthroughdistribution'],
  path: 'distributions',
  tag: 'Distributions',
  schema: 'Distribution',
  component: 'core',
  where: 'true',
  fields: {
    ...commonFields('container.containerdistribution'),
    ...NAMES.fields,
    base_url: constant(null, { type: 'string', nullable: true }),
  },
  filters: [...filters, ...NAMES.filters],
  ordering,
  defaultOrder: BY_NAME,
  access: { actions: { list: 'authenticated' }, scope: distributionScope },
});
