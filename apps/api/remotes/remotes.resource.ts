import { ownedRules, viewable } from '../rest/access/rules.js';
import {
  baseFields,
  decimal,
  flag,
  hiddenFields,
  json,
  labels,
  text,
  texts,
  whole,
  type Field,
} from '../rest/fields.js';
import type { Filter } from '../rest/filters/filter.js';
import { labelSelect } from '../rest/filters/label-select.js';
import { timeFilters } from '../rest/filters/ordered.js';
import { textFilters } from '../rest/filters/text.js';
import type { ModelName } from '../rest/models.js';
import { BY_NAME, ordersNothing } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';
import { severalModels } from '../rest/several-models.js';
import { DOWNLOAD_POLICIES, PULL_THROUGH_POLICIES, PullThroughRemoteBody, RemoteBody } from './dto/remote.body.js';

const nullable = { nullable: true };
const SECRETS = ['client_key', 'proxy_username', 'proxy_password', 'username', 'password'];
const timeouts = ['total_timeout', 'connect_timeout', 'sock_connect_timeout', 'sock_read_timeout'];

const commonFields = (model: ModelName, choices: readonly string[]): Record<string, Field> => ({
  ...baseFields(model),
  name: text('t.name'),
  url: text('t.url'),
  pulp_labels: labels(),
  policy: text('t.policy', { choices }),
  hidden_fields: hiddenFields(SECRETS),
  ca_cert: text('t.ca_cert', nullable),
  client_cert: text('t.client_cert', nullable),
  tls_validation: flag('t.tls_validation'),
  proxy_url: text('t.proxy_url', nullable),
  max_retries: whole('t.max_retries', nullable),
  ...Object.fromEntries(timeouts.map((name) => [name, decimal(`t.${name}`, nullable)])),
  headers: {
    ...json('t.headers', nullable),
    schema: { type: 'array', nullable: true, items: { type: 'object', additionalProperties: {} } },
  },
  download_concurrency: whole('t.download_concurrency', nullable),
  rate_limit: whole('t.rate_limit', nullable),
});

const lists: Record<string, Field> = {
  includes: texts('t.includes', nullable),
  excludes: texts('t.excludes', nullable),
};

const filters: readonly Filter[] = [
  ...textFilters('name', 't.name'),
  ...timeFilters('pulp_last_updated'),
  labelSelect(),
];

const ordering = { pulp_type: 't.type', ...ordersNothing(...SECRETS) };

/** Upstream repositories. */
export const REMOTES = defineResource({
  model: 'container.containerremote',
  tag: 'Remotes: Container',
  schema: 'container.ContainerRemote',
  fields: {
    ...commonFields('container.containerremote', DOWNLOAD_POLICIES),
    upstream_name: text('t.upstream_name'),
    ...lists,
    sigstore: text('t.sigstore', nullable),
  },
  filters,
  ordering,
  defaultOrder: BY_NAME,
  access: ownedRules('container.containerremote', 'container.containerremote_owner'),
  body: RemoteBody,
});

/** Upstream registries as a whole. */
export const PULL_THROUGH_REMOTES = defineResource({
  model: 'container.containerpullthroughremote',
  tag: 'Remotes: Pull_Through',
  schema: 'container.ContainerPullThroughRemote',
  fields: { ...commonFields('container.containerpullthroughremote', PULL_THROUGH_POLICIES), ...lists },
  filters,
  ordering,
  defaultOrder: BY_NAME,
  access: ownedRules('container.containerpullthroughremote', 'container.containerpullthroughremote_owner'),
  body: PullThroughRemoteBody,
});

const NAMES = severalModels('container', (type) =>
  type === 'pull-through' ? 'container.containerpullthroughremote' : 'container.containerremote',
);

/** All remotes, whatever their type. */
export const ALL_REMOTES = defineResource({
  model: 'container.containerremote',
  models: ['container.containerremote', 'container.containerpullthroughremote'],
  path: 'remotes',
  tag: 'Remotes',
  schema: 'GenericRemote',
  component: 'core',
  where: 'true',
  fields: {
    ...commonFields('container.containerremote', DOWNLOAD_POLICIES),
    ...NAMES.fields,
  },
  filters: [...filters, ...NAMES.filters],
  ordering,
  defaultOrder: BY_NAME,
  access: {
    actions: { list: 'authenticated' },
    scope: (facts, values) =>
      `(${viewable('container.view_containerremote', 'container.containerremote')(facts, values)} and t.type = 'container')
        or (${viewable('container.view_containerpullthroughremote', 'container.containerpullthroughremote')(facts, values)} and t.type = 'pull-through')`,
  },
});
