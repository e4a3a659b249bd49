import type { Type } from '@nestjs/common';
import { READ_BY_ALL } from '../rest/access/rules.js';
import { baseFields } from '../rest/fields.js';
import { nullableNumberFilters, timeFilters } from '../rest/filters/ordered.js';
import { textFilters } from '../rest/filters/text.js';
import { ordersNothing } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST } from '../rest/standard/reading.js';

const NOTHING = `(select null::uuid as id, now() as pulp_created, now() as pulp_last_updated where false) t`;

/** A list that clients may ask for, with the filters and orders that they know, although there is nothing of its kind here. */
function emptyList(
  path: string,
  tag: string,
  schema: string,
  filters: readonly string[] = [],
  orders: readonly string[] = [],
): Type {
  class EmptyListController extends RestHost {}
  const resource = defineResource({
    model: 'core.artifact',
    path,
    tag,
    schema,
    from: NOTHING,
    where: 'true',
    fields: baseFields('core.artifact'),
    filters: filters.map((name) => ({ name, schema: { type: 'string' }, compile: () => 'true' })),
    ordering: ordersNothing(...orders),
    access: READ_BY_ALL,
  });
  Object.defineProperty(EmptyListController, 'name', { value: `Empty${schema}Controller` });
  ResourceController(resource, LIST)(EmptyListController);
  return EmptyListController;
}

const names = (field: string) => textFilters(field, field).map(({ name }) => name);
const numbers = (field: string) => nullableNumberFilters(field).map(({ name }) => name);

const CONTENT_FILTERS = [
  'repository_version',
  'repository_version_added',
  'repository_version_removed',
  'added_between',
  'removed_between',
  'orphaned_for',
  'pulp_label_select',
];
const CONTENT_ORDERS = ['pulp_type', 'upstream_id', 'pulp_labels', 'timestamp_of_interest', 'raw_data'];

/** One of the kinds of packets of OpenPGP keys. */
const packets = (kind: string, schema: string, filters: readonly string[], orders: readonly string[]): Type =>
  emptyList(
    `content/core/openpgp_${kind}`,
    `Content: Openpgp_${kind[0]!.toUpperCase()}${kind.slice(1)}`,
    schema,
    [...CONTENT_FILTERS, ...filters],
    [...CONTENT_ORDERS, ...orders],
  );

/** Features that container content has no use for. */
export const EMPTY_LISTS: readonly Type[] = [
  emptyList('acs', 'Acs', 'AlternateContentSource'),
  emptyList(
    'publications',
    'Publications',
    'Publication',
    [
      'checkpoint',
      'content',
      'content__in',
      'pulp_type',
      'pulp_type__in',
      'repository',
      'repository_version',
      ...timeFilters('pulp_created').map(({ name }) => name),
    ],
    ['pulp_type', 'complete', 'pass_through', 'checkpoint'],
  ),
  emptyList('vuln_report', 'Vuln_Report', 'VulnerabilityReport', ['repo_versions'], ['vulns']),
  emptyList(
    'repositories/core/openpgp_keyring',
    'Repositories: Openpgp_Keyring',
    'OpenPGPKeyring',
    [
      ...names('name'),
      ...numbers('retain_repo_versions'),
      ...numbers('retain_checkpoints'),
      'remote',
      'with_content',
      'latest_with_content',
      'pulp_label_select',
    ],
    [
      'pulp_type',
      'name',
      'pulp_labels',
      'description',
      'next_version',
      'retain_repo_versions',
      'retain_checkpoints',
      'user_hidden',
    ],
  ),
  emptyList(
    'distributions/core/openpgp',
    'Distributions: Openpgp',
    'OpenPGPDistribution',
    [
      ...names('name'),
      ...textFilters('base_path', '', ['exact', 'contains', 'icontains', 'in']).map(({ name }) => name),
      'repository',
      'repository__in',
      'repository_version',
      'checkpoint',
      'with_content',
      'pulp_label_select',
    ],
    ['pulp_type', 'name', 'pulp_labels', 'base_path', 'hidden', 'checkpoint'],
  ),
  packets('publickey', 'OpenPGPPublicKey', ['fingerprint'], ['fingerprint', 'created']),
  packets('publicsubkey', 'OpenPGPPublicSubkey', ['fingerprint'], ['fingerprint', 'created']),
  packets('userid', 'OpenPGPUserID', names('user_id'), ['user_id']),
  packets('userattribute', 'OpenPGPUserAttribute', ['sha256'], ['sha256']),
  packets(
    'signature',
    'OpenPGPSignature',
    ['issuer'],
    ['sha256', 'signature_type', 'created', 'expiration_time', 'key_expiration_time', 'issuer', 'signers_user_id'],
  ),
];
