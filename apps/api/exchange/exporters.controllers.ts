import { rowsOf } from '#platform/database.js';
import { exportPathProblem } from '#transfer/exchange/allowed-path.js';
import { Context, type RestContext } from '../rest/context.js';
import { badField, badRequest } from '../rest/errors.js';
import { locate, prnOf, repositoryModel, versionHref } from '../rest/models.js';
import { PostRoute } from '../rest/operation.js';
import type { Resource } from '../rest/resource.js';
import { PlacedController, ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { creating, deleting, updating, type Writing, type WriteScope } from '../rest/standard/writing.js';
import { insertRow, updateRow } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { namedVersion } from '../repositories/named-versions.js';
import { chunkSizeOf } from './chunk-size.js';
import { FilesystemExportTask, PulpExportTask, type ExportPayload } from './export-tasks.js';
import {
  FILESYSTEM_EXPORTERS,
  FILESYSTEM_EXPORTS,
  FilesystemExportBody,
  FilesystemExporterBody,
  PULP_EXPORTERS,
  PULP_EXPORTS,
  PulpExportBody,
  PulpExporterBody,
} from './exporters.resource.js';
import { runPlace, runRoutes } from './nested-runs.js';

const writerFor = (resource: Resource, type: 'pulp' | 'filesystem') =>
  registerWriter({
    resource,
    create: (tx, columns) => insertRow(tx, 'exporter', { type, ...columns }),
    update: (tx, id, columns) => updateRow(tx, 'exporter', id, columns),
    remove: async (tx, id) => {
      await tx.query('delete from export where exporter_id = $1', [id]);
      await tx.query('delete from exporter where id = $1', [id]);
      return [{ model: resource.model, id }];
    },
  });

async function requirePath(path: string | undefined, { rest }: WriteScope): Promise<void> {
  if (path === undefined) return;
  const problem = await exportPathProblem(path, rest.config.exportRoots);
  if (problem !== undefined) throw badField('path', problem);
}

const PULP: Writing<PulpExporterBody> = {
  writer: writerFor(PULP_EXPORTERS, 'pulp'),
  body: PulpExporterBody,
  unique: ['name'],
  async columns({ name, path, repositories }, scope) {
    await requirePath(path, scope);
    if (repositories) {
      const rows = await rowsOf(scope.rest.source, 'select 1 from repository where id = any($1::uuid[])', [
        repositories,
      ]);
      if (rows.length < new Set(repositories).size)
        throw badField('repositories', 'Invalid hyperlink - Object does not exist.');
    }
    return { name, path, repositories };
  },
};

const FILESYSTEM: Writing<FilesystemExporterBody> = {
  writer: writerFor(FILESYSTEM_EXPORTERS, 'filesystem'),
  body: FilesystemExporterBody,
  unique: ['name'],
  async columns(body, scope) {
    await requirePath(body.path, scope);
    return Object.fromEntries(Object.entries(body));
  },
};

/** Exporters of archives. */
@ResourceController(PULP_EXPORTERS, LIST, READ, creating(PULP), updating(PULP), deleting())
export class PulpExportersController extends RestHost {}

/** Exporters of files. */
@ResourceController(FILESYSTEM_EXPORTERS, LIST, READ, creating(FILESYSTEM), updating(FILESYSTEM), deleting())
export class FilesystemExportersController extends RestHost {}

type Exported = ExportPayload['versions'][number];

/** Archives that were written. */
@PlacedController(
  runPlace(PULP_EXPORTS, PULP_EXPORTERS, 'exporter'),
  PULP_EXPORTS,
  runRoutes(PULP_EXPORTERS, 'exporter', 'exporter_id'),
)
export class PulpExportsController extends RestHost {
  constructor(private readonly exporting: PulpExportTask) {
    super();
  }

  @PostRoute('', { action: 'create', summary: 'Create', body: 'resource', answers: { 202: 'task' } })
  async create(@Context() context: RestContext) {
    await this.rest.demandExists(PULP_EXPORTERS, context.param('exporter'));
    const body = await this.rest.body(context, PulpExportBody);
    const exporterId = context.param('exporter');
    const [exporter] = await rowsOf<{ repositories: string[]; last_export_id: string | null }>(
      this.rest.source,
      'select repositories, last_export_id from exporter where id = $1',
      [exporterId],
    );
    refuseContradictions(body, exporter!.last_export_id !== null);
    const chosen = await this.named(body.versions ?? [], 'versions');
    await this.named(body.start_versions ?? [], 'start_versions');
    if (chosen.some(({ repositoryId }) => !exporter!.repositories.includes(repositoryId)))
      throw badField('versions', 'Requested RepositoryVersions must belong to the Repositories named by the Exporter!');
    const newest = await this.newest(
      exporter!.repositories.filter((id) => !chosen.some((each) => each.repositoryId === id)),
    );
    const versions = [...chosen, ...newest];
    const { task: _unused, ...params } = body;
    const payload = {
      exporterId,
      versions,
      params,
      chunkSize: body.chunk_size ? chunkSizeOf(body.chunk_size) : 0,
      dryRun: body.dry_run,
    };
    const shared = versions.map(({ repositoryId, href }) => prnOf(repositoryModelOf(href), repositoryId));
    return this.rest.dispatch(context, this.exporting.task, payload, {
      exclusive: [prnOf('core.pulpexporter', exporterId)],
      shared,
    });
  }

  private async named(uris: readonly string[], field: string): Promise<Exported[]> {
    const versions: Exported[] = [];
    for (const uri of uris) {
      const found = locate(uri);
      if (found?.model !== 'core.repositoryversion') throw badField(field, `URI not valid: ${uri.slice(0, 300)}`);
      const version = await namedVersion(this.rest.source, found, field);
      const [row] = await rowsOf<{ name: string }>(this.rest.source, 'select name from repository where id = $1', [
        version.repositoryId,
      ]);
      const href = versionHref(version.repositoryType, version.repositoryId, version.number);
      versions.push({ repositoryId: version.repositoryId, name: row!.name, number: version.number, href });
    }
    return versions;
  }

  private async newest(ids: readonly string[]): Promise<Exported[]> {
    const rows = await rowsOf<{ id: string; name: string; type: string; head: number }>(
      this.rest.source,
      'select id, name, type, head from repository where id = any($1::uuid[]) order by name',
      [ids],
    );
    return rows.map(({ id, name, type, head }) => ({
      repositoryId: id,
      name,
      number: head,
      href: versionHref(type, id, head),
    }));
  }
}

const repositoryModelOf = (href: string) =>
  repositoryModel(href.includes('/container-push/') ? 'container-push' : 'container');

function refuseContradictions({ full, start_versions, chunk_size }: PulpExportBody, exportedBefore: boolean): void {
  if (full && start_versions)
    throw badRequest({ non_field_errors: ['start_versions is only valid for incremental exports (full=False)'] });
  if (!full && !start_versions && !exportedBefore)
    throw badRequest({
      non_field_errors: [
        'Incremental export can only be requested when a previous export exists or start_versions= has been specified.',
      ],
    });
  if (chunk_size) chunkSizeOf(chunk_size);
}

/** Files that were written. */
@PlacedController(
  runPlace(FILESYSTEM_EXPORTS, FILESYSTEM_EXPORTERS, 'exporter'),
  FILESYSTEM_EXPORTS,
  runRoutes(FILESYSTEM_EXPORTERS, 'exporter', 'exporter_id'),
)
export class FilesystemExportsController extends RestHost {
  constructor(private readonly exporting: FilesystemExportTask) {
    super();
  }

  @PostRoute('', { action: 'create', summary: 'Create', body: 'resource', answers: { 202: 'task' } })
  async create(@Context() context: RestContext) {
    await this.rest.demandExists(FILESYSTEM_EXPORTERS, context.param('exporter'));
    const { repository_version } = await this.rest.body(context, FilesystemExportBody);
    const version = await namedVersion(this.rest.source, repository_version!, 'repository_version');
    const href = versionHref(version.repositoryType, version.repositoryId, version.number);
    const exporterId = context.param('exporter');
    const versions = [{ repositoryId: version.repositoryId, name: '', number: version.number, href }];
    const payload = { exporterId, versions, params: { repository_version: href }, chunkSize: 0, dryRun: false };
    return this.rest.dispatch(context, this.exporting.task, payload, {
      exclusive: [prnOf('core.filesystemexporter', exporterId)],
      shared: [prnOf(repositoryModel(version.repositoryType), version.repositoryId)],
    });
  }
}
