import type { Type } from '@nestjs/common';
import { READ_BY_ALL } from '../rest/access/rules.js';
import { baseFields } from '../rest/fields.js';
import { nullableNumberFilters, timeFilters } from '../rest/filters/ordered.js';
import type { Filter } from '../rest/filters/filter.js';
import { textFilters, textIn } from '../rest/filters/text.js';
import { ordersNothing } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';
import { ResourceController, RestHost, type StandardRoute } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';

const NOTHING = `(select null::uuid as id, now() as pulp_created, now() as pulp_last_updated where false) t`;

/** What stands where other lists have a column. */
const NO_TEXT = 'null::text';
const NO_NUMBER = 'null::bigint';

/** A filter whose value may be anything, for there is nothing that it could find. */
const anyValue = (name: string): Filter => ({ name, schema: { type: 'string' }, compile: () => 'true' });
/** The same with several values and commas between. */
const anyValues = (name: string): Filter => textIn(name, NO_TEXT);

/** A list that clients may ask for, with the filters and orders that they know, although there is nothing of its kind here. */
function emptyList(
  path: string,
  tag: string,
  schema: string,
  filters: readonly Filter[] = [],
  orders: readonly string[] = [],
  { routes = LIST, ...member }: { routes?: readonly StandardRoute[]; noun?: string; parameter?: string } = {},
): Type {
  class EmptyListController extends RestHost {}
  const resource = defineResource({
    model: 'core.artifact',
    path,
    tag,
    schema,
    ...member,
    from: NOTHING,
    where: 'true',
    fields: baseFields('core.artifact'),
    filters,
    ordering: ordersNothing(...orders),
    access: READ_BY_ALL,
  });
  Object.defineProperty(EmptyListController, 'name', { value: `Empty${schema}Controller` });
  ResourceController(resource, routes)(EmptyListController);
  return EmptyListController;
}

const CONTENT_FILTERS = [
  ...['repository_version', 'repository_version_added', 'repository_version_removed'].map(anyValue),
  ...['added_between', 'removed_between'].map(anyValues),
  ...['orphaned_for', 'pulp_label_select'].map(anyValue),
];
const CONTENT_ORDERS = ['pulp_type', 'upstream_id', 'pulp_labels', 'timestamp_of_interest', 'raw_data'];

/** One of the kinds of packets of OpenPGP keys. */
const packets = (kind: string, schema: string, filters: readonly Filter[], orders: readonly string[]): Type =>
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
      ...['checkpoint', 'content', 'pulp_type', 'repository', 'repository_version'].map(anyValue),
      ...['content__in', 'pulp_type__in'].map(anyValues),
      ...timeFilters('pulp_created'),
    ],
    ['pulp_type', 'complete', 'pass_through', 'checkpoint'],
  ),
  emptyList('vuln_report', 'Vuln_Report', 'VulnerabilityReport', [anyValue('repo_versions')], ['vulns'], {
    routes: [...LIST, ...READ],
    noun: 'VulnerabilityReport',
    parameter: 'vulnerability_report_href',
  }),
  emptyList(
    'repositories/core/openpgp_keyring',
    'Repositories: Openpgp_Keyring',
    'OpenPGPKeyring',
    [
      ...textFilters('name', NO_TEXT),
      ...nullableNumberFilters('retain_repo_versions', NO_NUMBER),
      ...nullableNumberFilters('retain_checkpoints', NO_NUMBER),
      ...['remote', 'with_content', 'latest_with_content', 'pulp_label_select'].map(anyValue),
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
      ...textFilters('name', NO_TEXT),
      ...textFilters('base_path', NO_TEXT, ['exact', 'contains', 'icontains', 'in']),
      anyValues('repository__in'),
      ...['repository', 'repository_version', 'checkpoint', 'with_content', 'pulp_label_select'].map(anyValue),
    ],
    ['pulp_type', 'name', 'pulp_labels', 'base_path', 'hidden', 'checkpoint'],
  ),
  packets('publickey', 'OpenPGPPublicKey', [anyValue('fingerprint')], ['fingerprint', 'created']),
  packets('publicsubkey', 'OpenPGPPublicSubkey', [anyValue('fingerprint')], ['fingerprint', 'created']),
  packets('userid', 'OpenPGPUserID', textFilters('user_id', NO_TEXT), ['user_id']),
  packets('userattribute', 'OpenPGPUserAttribute', [anyValue('sha256')], ['sha256']),
  packets(
    'signature',
    'OpenPGPSignature',
    [anyValue('issuer')],
    ['sha256', 'signature_type', 'created', 'expiration_time', 'key_expiration_time', 'issuer', 'signers_user_id'],
  ),
];
