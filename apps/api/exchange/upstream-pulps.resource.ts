import { DISTRIBUTIONS } from '../distributions/distributions.resource.js';
import { on, ownedRules } from '../rest/access/rules.js';
import { DecimalField, FlagField, TextField, WholeField } from '../rest/body/fields.js';
import { DOWNLOAD_POLICIES, isUrl, NO_URL } from '../remotes/dto/remote.body.js';
import { baseFields, decimal, flag, hiddenFields, text, time, whole } from '../rest/fields.js';
import { timeFilters } from '../rest/filters/ordered.js';
import { textFilters } from '../rest/filters/text.js';
import { BY_NAME, ordersNothing } from '../rest/ordering.js';
import { checkExpression } from '../rest/query.js';
import { defineResource, type Resource } from '../rest/resource.js';

const optional = { optional: true, nullable: true } as const;
const secret = { ...optional, writeOnly: true } as const;
const nullable = { nullable: true };
const URL_PATTERN = { regex: /^https?:\/\/[^\s/@]+(?:\/\S*)?$/, message: NO_URL };

const POLICIES = ['all', 'labeled', 'nodelete'];

/** What another installation is known by. */
export class UpstreamPulpBody {
  @TextField({ description: 'A unique name for this Pulp server.' })
  name: string;

  @TextField({ pattern: URL_PATTERN, description: 'The transport, hostname, and an optional port of the Pulp server.' })
  base_url: string;

  @TextField({ description: 'The API root. Defaults to pulp.' })
  api_root: string;

  @TextField({ ...optional, description: 'The domain of the Pulp server if enabled.' })
  domain?: string | null;

  @TextField({ ...optional, description: 'A PEM encoded CA certificate.' })
  ca_cert?: string | null;

  @TextField({ ...optional, description: 'A PEM encoded client certificate.' })
  client_cert?: string | null;

  @TextField({ ...secret, description: 'A PEM encoded private key.' })
  client_key?: string | null;

  @FlagField({ optional: true, description: 'If True, TLS peer validation must be performed.' })
  tls_validation?: boolean;

  @TextField({ ...secret, description: 'The username to be used for authentication.' })
  username?: string | null;

  @TextField({ ...secret, verbatim: true, description: 'The password to be used for authentication.' })
  password?: string | null;

  @WholeField({ ...optional, min: 1 })
  download_concurrency?: number | null;

  @WholeField(optional)
  max_retries?: number | null;

  @DecimalField({ ...optional, min: 0 })
  total_timeout?: number | null;

  @DecimalField({ ...optional, min: 0 })
  connect_timeout?: number | null;

  @DecimalField({ ...optional, min: 0 })
  sock_connect_timeout?: number | null;

  @DecimalField({ ...optional, min: 0 })
  sock_read_timeout?: number | null;

  @TextField({ optional: true, choices: DOWNLOAD_POLICIES, description: 'Policy of the remotes.' })
  remote_policy?: string;

  @TextField({
    ...optional,
    blank: true,
    description: 'Filter distributions on the upstream Pulp using complex filtering.',
  })
  q_select?: string | null;

  @TextField({
    optional: true,
    choices: POLICIES,
    description: 'What may be changed and deleted here: all, labeled objects only, or nothing is deleted.',
  })
  policy?: string;

  problems(): Record<string, string[]> | undefined {
    checkSelection(this.q_select);
    return this.base_url === undefined || isUrl(this.base_url) ? undefined : { base_url: [NO_URL] };
  }
}

/** What one replication is made from. */
export class ReplicateBody {
  @TextField({
    ...optional,
    blank: true,
    description: 'Filter distributions on the upstream Pulp, instead of the stored filter.',
  })
  q_select?: string | null;

  problems(): undefined {
    checkSelection(this.q_select);
  }
}

/** Upstream would refuse it too, but only once a task asks. */
function checkSelection(text: string | null | undefined): void {
  if (text) checkExpression(DISTRIBUTIONS, text, 'q_select');
}

const RULES = ownedRules('core.upstreampulp', 'core.upstreampulp_owner');

/** Other installations whose distributions are mirrored here. */
export const UPSTREAM_PULPS: Resource = defineResource({
  model: 'core.upstreampulp',
  tag: 'Upstream_Pulps',
  schema: 'UpstreamPulp',
  fields: {
    ...baseFields('core.upstreampulp'),
    name: text('t.name'),
    base_url: text('t.base_url'),
    api_root: text('t.api_root'),
    domain: text('t.domain', nullable),
    ca_cert: text('t.ca_cert', nullable),
    client_cert: text('t.client_cert', nullable),
    tls_validation: flag('t.tls_validation'),
    download_concurrency: whole('t.download_concurrency', nullable),
    max_retries: whole('t.max_retries', nullable),
    total_timeout: decimal('t.total_timeout', nullable),
    connect_timeout: decimal('t.connect_timeout', nullable),
    sock_connect_timeout: decimal('t.sock_connect_timeout', nullable),
    sock_read_timeout: decimal('t.sock_read_timeout', nullable),
    remote_policy: text('t.remote_policy', { choices: DOWNLOAD_POLICIES }),
    hidden_fields: hiddenFields(['client_key', 'username', 'password']),
    q_select: text('t.q_select', nullable),
    last_replication: time('t.last_replication', nullable),
    policy: text('t.policy', { choices: POLICIES }),
  },
  filters: [
    ...textFilters('name', 't.name'),
    ...textFilters('base_url', 't.base_url'),
    ...timeFilters('last_replication'),
  ],
  ordering: { last_replication: 't.last_replication', ...ordersNothing('client_key', 'username', 'password') },
  defaultOrder: BY_NAME,
  access: { ...RULES, actions: { ...RULES.actions, replicate: [[on('core.replicate_upstreampulp')]] } },
  body: UpstreamPulpBody,
});
