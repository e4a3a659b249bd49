import { SUPERUSERS_ONLY } from '../rest/access/rules.js';
import { bodyField } from '../rest/body/body-field.js';
import { FlagField, TextField } from '../rest/body/fields.js';
import { anyObject, baseFields, derived, href, text, textMap } from '../rest/fields.js';
import { textFilters } from '../rest/filters/text.js';
import { hrefTo } from '../rest/models.js';
import { BY_NAME, ordersNothing } from '../rest/ordering.js';
import { defineResource, type Resource } from '../rest/resource.js';

const MAPPING = { type: 'object', additionalProperties: { type: 'string' } };

const isMapping = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((each) => typeof each === 'string');

/** What an importer is made from. */
export class PulpImporterBody {
  @TextField({ description: 'Unique name of the Importer.' })
  name: string;

  @bodyField(
    MAPPING,
    { optional: true, description: 'Mapping of repo names in an export file to those here.' },
    (value) => (isMapping(value) ? { value } : { problem: ['Expected a mapping of names to names.'] }),
  )
  repo_mapping?: Record<string, string>;
}

/** What one import is made from. */
export class PulpImportBody {
  @TextField({ optional: true, description: 'Path to export that will be imported.' })
  path?: string;

  @TextField({ optional: true, description: 'Path to a table-of-contents file describing chunks to be imported.' })
  toc?: string;

  @FlagField({ fallback: false, description: 'If True, missing repositories will be automatically created.' })
  create_repositories: boolean;

  problems(): Record<string, unknown> | undefined {
    if (this.path !== undefined && this.toc !== undefined)
      return { non_field_errors: ["Only one of 'path' and 'toc' may be specified."] };
    if (this.path === undefined && this.toc === undefined)
      return { non_field_errors: ["One of 'path' or 'toc' must be specified."] };
    return undefined;
  }
}

/** What is checked before an import. */
export class PulpImportCheckBody {
  @TextField({ optional: true, description: 'Path to export-tar-gz that will be imported.' })
  path?: string;

  @TextField({ optional: true, description: 'Path to a table-of-contents file describing chunks to be imported.' })
  toc?: string;

  @TextField({
    optional: true,
    description: 'Mapping of repo names in an export file to the repo names in Pulp, as JSON.',
  })
  repo_mapping?: string;

  problems(): Record<string, unknown> | undefined {
    return this.path === undefined && this.toc === undefined && this.repo_mapping === undefined
      ? { non_field_errors: ['One of path, toc, or repo_mapping must be specified.'] }
      : undefined;
  }
}

/** Importers of archives. */
export const IMPORTERS: Resource = defineResource({
  model: 'core.pulpimporter',
  tag: 'Importers: Pulp',
  schema: 'PulpImporter',
  fields: {
    ...baseFields('core.pulpimporter'),
    name: text('t.name'),
    repo_mapping: textMap('t.repo_mapping'),
  },
  filters: textFilters('name', 't.name'),
  ordering: ordersNothing('pulp_type'),
  defaultOrder: BY_NAME,
  access: SUPERUSERS_ONLY,
  body: PulpImporterBody,
});

/** Archives that were read. */
export const IMPORTS: Resource = defineResource({
  model: 'core.pulpimport',
  path: `${IMPORTERS.path}/:importer/imports`,
  operations: `${IMPORTERS.operations}_imports`,
  tag: 'Importers: Pulp: Imports',
  schema: 'Import',
  fields: {
    ...baseFields('core.pulpimport'),
    pulp_href: derived(`t.importer_id || '/imports/' || t.id`, { type: 'string', format: 'uri' }, (tail: string) =>
      hrefTo('core.pulpimporter', tail),
    ),
    task: href('core.task', 't.task_id'),
    params: anyObject('t.params'),
  },
  access: SUPERUSERS_ONLY,
});
