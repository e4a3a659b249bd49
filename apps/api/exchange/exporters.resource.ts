import { SUPERUSERS_ONLY } from '../rest/access/rules.js';
import { bodyField } from '../rest/body/body-field.js';
import { FlagField, JsonField, ReferenceField, TextField, TextListField } from '../rest/body/fields.js';
import { anyObject, baseFields, derived, href, text, type Field } from '../rest/fields.js';
import { textFilters } from '../rest/filters/text.js';
import { hrefTo, locate, type Located, type ModelName } from '../rest/models.js';
import { BY_NAME } from '../rest/ordering.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { REPOSITORY_NAMES } from '../rest/several-models.js';

const HREF = { type: 'string', format: 'uri' };
const nullable = { nullable: true };
const REPOSITORIES: readonly ModelName[] = ['container.containerrepository', 'container.containerpushrepository'];

/** What an exporter of archives is made from. */
export class PulpExporterBody {
  @TextField({ description: 'Unique name of the file system exporter.' })
  name: string;

  @TextField({ description: 'File system directory to store exported tar.gzs.' })
  path: string;

  @bodyField({ type: 'array', items: HREF }, {}, (value) => {
    if (!Array.isArray(value)) return { problem: ['Expected a list of items.'] };
    const found = value.map((each) => (typeof each === 'string' ? locate(each) : undefined));
    const wrong = found.findIndex((each) => !each || !('id' in each) || !REPOSITORIES.includes(each.model));
    if (wrong >= 0) return { problem: { [wrong]: ['Invalid hyperlink - No URL match.'] } };
    return { value: found.map((each) => (each as { id: string }).id) };
  })
  repositories: string[];

  @ReferenceField(['core.pulpexport'], { optional: true, nullable: true, description: 'Last attempted export.' })
  last_export?: Located | null;
}

/** What one export is made from. */
export class PulpExportBody {
  @TextField({ optional: true, nullable: true, description: 'Not used.' })
  task?: string | null;

  @FlagField({ fallback: true, description: 'Should a Full (true) or Incremental (false) export be performed.' })
  full: boolean;

  @FlagField({ fallback: false, description: 'Determine validity and space-required, but do not create output.' })
  dry_run: boolean;

  @TextListField({ optional: true, nullable: true, description: 'List of explicit repo-version hrefs to export.' })
  versions?: string[] | null;

  @TextField({ optional: true, nullable: true, description: 'Chunk export-tarfile into pieces of chunk_size bytes.' })
  chunk_size?: string | null;

  @TextListField({ optional: true, nullable: true, description: 'Last versions that the importer has.' })
  start_versions?: string[] | null;

  @JsonField({ optional: true, nullable: true, object: true, description: 'Kept with the export.' })
  meta?: object | null;
}

const METHODS = ['write', 'hardlink', 'symlink'];

/** What an exporter of files is made from. */
export class FilesystemExporterBody {
  @TextField({ description: 'Unique name of the file system exporter.' })
  name: string;

  @TextField({ description: 'File system location to export to.' })
  path: string;

  @TextField({ optional: true, choices: METHODS, description: 'Method of exporting' })
  method?: string;
}

/** What one export of files is made from. */
export class FilesystemExportBody {
  @TextField({ optional: true, nullable: true, description: 'Not used.' })
  task?: string | null;

  @ReferenceField([], { optional: true, description: 'There are no publications of container content.' })
  publication?: Located;

  @ReferenceField(['core.repositoryversion'], { optional: true, description: 'The version to export.' })
  repository_version?: Located;

  @ReferenceField(['core.repositoryversion'], { optional: true, description: 'Content of this version is left out.' })
  start_repository_version?: Located;

  problems(): Record<string, unknown> | undefined {
    if ((this.publication === undefined) === (this.repository_version === undefined))
      return { non_field_errors: ['publication or repository_version must either be supplied but not both.'] };
    return undefined;
  }
}

const repositories = derived(
  `coalesce((select json_agg(r.type || ' ' || r.id order by r.name) from repository r where t.repositories ? r.id::text), '[]')`,
  { type: 'array', items: HREF },
  (list: string[]) => list.map(REPOSITORY_NAMES.href),
  false,
);

const below = (model: ModelName): Record<string, Field> => ({
  pulp_href: derived(`t.exporter_id || '/exports/' || t.id`, HREF, (tail: string) => hrefTo(model, tail)),
});

const exporter = (
  model: 'core.pulpexporter' | 'core.filesystemexporter',
  given: Pick<Resource, 'tag' | 'schema' | 'body'>,
  fields: Record<string, Field>,
): Resource =>
  defineResource({
    model,
    ...given,
    fields: { ...baseFields(model), name: text('t.name'), path: text('t.path'), ...fields },
    filters: textFilters('name', 't.name'),
    ordering: { pulp_type: 't.type' },
    defaultOrder: BY_NAME,
    access: SUPERUSERS_ONLY,
  });

/** Exporters of archives. */
export const PULP_EXPORTERS = exporter(
  'core.pulpexporter',
  { tag: 'Exporters: Pulp', schema: 'PulpExporter', body: PulpExporterBody },
  {
    repositories,
    last_export: derived(
      `t.id || '/exports/' || t.last_export_id`,
      { ...HREF, nullable: true },
      (tail: string | null) => tail && hrefTo('core.pulpexporter', tail),
    ),
  },
);

/** Exporters of files. */
export const FILESYSTEM_EXPORTERS = exporter(
  'core.filesystemexporter',
  { tag: 'Exporters: Filesystem', schema: 'FilesystemExporter', body: FilesystemExporterBody },
  { method: text('t.method', { choices: METHODS }) },
);

const runs = (
  model: 'core.pulpexport' | 'core.filesystemexport',
  parent: Resource,
  given: Pick<Resource, 'schema' | 'body'>,
  more: Record<string, Field>,
): Resource =>
  defineResource({
    model,
    ...given,
    path: `${parent.path}/:exporter/exports`,
    operations: `${parent.operations}_exports`,
    tag: `${parent.tag}: Exports`,
    fields: {
      ...baseFields(model),
      ...below(parent.model),
      task: href('core.task', 't.task_id', nullable),
      exported_resources: derived('t.exported_resources', { type: 'array', items: HREF }, (list: string[]) => list),
      params: anyObject('t.params', { readOnly: true }),
      ...more,
    },
    access: SUPERUSERS_ONLY,
  });

/** Archives that were written. */
export const PULP_EXPORTS = runs(
  'core.pulpexport',
  PULP_EXPORTERS,
  { schema: 'PulpExport', body: PulpExportBody },
  {
    output_file_info: anyObject('t.output_file_info', { ...nullable, readOnly: true }),
    toc_info: anyObject('t.toc_info', { ...nullable, readOnly: true }),
  },
);

/** Files that were written. */
export const FILESYSTEM_EXPORTS = runs(
  'core.filesystemexport',
  FILESYSTEM_EXPORTERS,
  { schema: 'FilesystemExport', body: FilesystemExportBody },
  {},
);
