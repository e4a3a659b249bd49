import type { Type } from '@nestjs/common';
import { READ_BY_ALL } from '../rest/access/rules.js';
import { baseFields } from '../rest/fields.js';
import { timeFilters } from '../rest/filters/ordered.js';
import { defineResource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST } from '../rest/standard/reading.js';

const NOTHING = `(select null::uuid as id, now() as pulp_created, now() as pulp_last_updated where false) t`;

/** A list that clients may ask for, with the filters that they know, although there is nothing of its kind here. */
function emptyList(path: string, tag: string, schema: string, filters: readonly string[] = []): Type {
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
    access: READ_BY_ALL,
  });
  Object.defineProperty(EmptyListController, 'name', { value: `Empty${schema}Controller` });
  ResourceController(resource, LIST)(EmptyListController);
  return EmptyListController;
}

/** Features that container content has no use for. */
export const EMPTY_LISTS: readonly Type[] = [
  emptyList('acs', 'Acs', 'AlternateContentSource'),
  emptyList('publications', 'Publications', 'Publication', [
    'checkpoint',
    'content',
    'content__in',
    'pulp_type',
    'pulp_type__in',
    'repository',
    'repository_version',
    ...timeFilters('pulp_created').map(({ name }) => name),
  ]),
  emptyList('vuln_report', 'Vuln_Report', 'VulnerabilityReport', ['repo_versions']),
  emptyList('repositories/core/openpgp_keyring', 'Repositories: Openpgp_Keyring', 'OpenPGPKeyring'),
  emptyList('distributions/core/openpgp', 'Distributions: Openpgp', 'OpenPGPDistribution'),
  emptyList('content/core/openpgp_publickey', 'Content: Openpgp_Publickey', 'OpenPGPPublicKey'),
  emptyList('content/core/openpgp_publicsubkey', 'Content: Openpgp_Publicsubkey', 'OpenPGPPublicSubkey'),
  emptyList('content/core/openpgp_userid', 'Content: Openpgp_Userid', 'OpenPGPUserID'),
  emptyList('content/core/openpgp_userattribute', 'Content: Openpgp_Userattribute', 'OpenPGPUserAttribute'),
  emptyList('content/core/openpgp_signature', 'Content: Openpgp_Signature', 'OpenPGPSignature'),
];
