import { stat } from 'node:fs/promises';
import { TaskDispatcher } from '#tasks/dispatch.js';
import { TaskGroup } from '#tasks/task-group.entity.js';
import { rowsOf } from '#platform/database.js';
import { messageOf } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { isInside } from '#transfer/exchange/allowed-path.js';
import { readArchive, readToc } from '#transfer/exchange/read-archive.js';
import { Context, type RestContext } from '../rest/context.js';
import { badCombination, badField } from '../rest/errors.js';
import { hrefTo, prnOf } from '../rest/models.js';
import { PostRoute } from '../rest/operation.js';
import { PlacedController, ResourceController, RestController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { creating, type Writing } from '../rest/standard/writing.js';
import { deletingAtOnce, updatingAtOnce } from '../rest/standard/writing-at-once.js';
import { insertRow, updateRow } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { PulpImportTask } from './import-task.js';
import { IMPORTERS, IMPORTS, PulpImportBody, PulpImportCheckBody, PulpImporterBody } from './importers.resource.js';
import { runPlace, runRoutes } from './nested-runs.js';

const WRITER = registerWriter({
  resource: IMPORTERS,
  create: (tx, columns) => insertRow(tx, 'importer', columns),
  update: (tx, id, columns) => updateRow(tx, 'importer', id, columns),
  remove: async (tx, id) => {
    await tx.query('delete from import where importer_id = $1', [id]);
    await tx.query('delete from importer where id = $1', [id]);
    return [{ model: 'core.pulpimporter', id }];
  },
});

const WRITING: Writing<PulpImporterBody> = {
  writer: WRITER,
  body: PulpImporterBody,
  unique: ['name'],
  columns: (body) => Object.fromEntries(Object.entries(body)),
};

/** Importers of archives. */
@ResourceController(IMPORTERS, LIST, READ, creating(WRITING), updatingAtOnce(WRITING), deletingAtOnce(WRITER))
export class PulpImportersController extends RestHost {}

/** Archives that were read. */
@PlacedController(runPlace(IMPORTS, IMPORTERS, 'importer'), IMPORTS, runRoutes(IMPORTERS, 'importer', 'importer_id'))
export class PulpImportsController extends RestHost {
  constructor(
    private readonly importing: PulpImportTask,
    private readonly dispatcher: TaskDispatcher,
  ) {
    super();
  }

  @PostRoute('', {
    action: 'create',
    summary: 'Create',
    body: { schema: 'PulpImport', of: PulpImportBody },
    answers: { 202: 'task-group' },
  })
  async create(@Context() context: RestContext): Promise<object> {
    await this.rest.demandExists(IMPORTERS, context.param('importer'));
    const { path, toc, create_repositories } = await this.rest.body(context, PulpImportBody);
    const importerId = context.param('importer');
    const [importer] = await rowsOf<{ repo_mapping: object }>(
      this.rest.source,
      'select repo_mapping from importer where id = $1',
      [importerId],
    );
    if (create_repositories && Object.keys(importer!.repo_mapping).length > 0)
      throw badCombination("The option 'create_repositories' is not compatible with 'repo_mapping'.");
    await this.requireAllowed(path === undefined ? 'toc' : 'path', (path ?? toc)!);
    const [group, importId] = [newId(), newId()];
    const payload = {
      importerId,
      importId,
      path: path ?? null,
      toc: toc ?? null,
      createRepositories: create_repositories,
    };
    const { wake } = await this.rest.source.transaction(async (tx) => {
      await tx.insert(TaskGroup, { id: group, description: `Import of ${(path ?? toc)!}`, allTasksDispatched: true });
      const exclusive = [prnOf('core.pulpimporter', importerId)];
      const sent = await this.dispatcher.dispatchIn(tx, this.importing.task, payload, {
        exclusive,
        group,
        createdBy: context.userId,
      });
      const params = { path, toc, create_repositories };
      await tx.query('insert into import (id, importer_id, task_id, params) values ($1, $2, $3, $4)', [
        importId,
        importerId,
        sent.task.id,
        params,
      ]);
      return sent;
    });
    await wake();
    return { task_group: hrefTo('core.taskgroup', group) };
  }

  private async requireAllowed(field: 'path' | 'toc', given: string): Promise<void> {
    const problem = await pathProblem(field, given, this.rest.config.importRoots);
    if (problem !== undefined) throw badField(field, problem);
  }
}

async function pathProblem(param: string, given: string, roots: readonly string[]): Promise<string | undefined> {
  if (!(await isInside(given, roots))) return `${param} '${given}' is not an allowed import path`;
  const found = await stat(given).catch(() => undefined);
  return found?.isFile() ? undefined : `file ${given} does not exist or is not readable`;
}

const EVALUATION = {
  title: 'EvaluationResponse',
  type: 'object',
  properties: {
    context: { type: 'string' },
    is_valid: { type: 'boolean' },
    messages: { type: 'array', items: { type: 'string' } },
  },
  required: ['context', 'is_valid', 'messages'],
};
const CHECKED = {
  type: 'object',
  properties: { toc: EVALUATION, path: EVALUATION, repo_mapping: EVALUATION },
};

const CHECK_PLACE = {
  path: 'importers/core/pulp/import-check',
  tag: 'Importers: Pulp: Import-Check',
  operations: 'importers_core_pulp_import_check',
};

/** Says whether an import would be taken. */
@RestController(CHECK_PLACE)
export class PulpImportCheckController extends RestHost {
  @PostRoute('', {
    action: 'check',
    id: 'pulp_import_check_post',
    summary: 'Validate the parameters to be used for a PulpImport call',
    body: { schema: 'PulpImportCheck', of: PulpImportCheckBody },
    answers: { 200: { schema: 'PulpImportCheckResponse', of: CHECKED } },
  })
  async check(@Context() context: RestContext): Promise<object> {
    const { path, toc, repo_mapping } = await this.rest.body(context, PulpImportCheckBody);
    const evaluation = async (given: string, messages: Promise<string[]>) => {
      const said = await messages;
      return { context: given, is_valid: said.length === 0, messages: said };
    };
    return {
      ...(toc === undefined ? {} : { toc: await evaluation(toc, this.fileMessages('toc', toc)) }),
      ...(path === undefined ? {} : { path: await evaluation(path, this.fileMessages('path', path)) }),
      ...(repo_mapping === undefined
        ? {}
        : { repo_mapping: await evaluation(repo_mapping, this.mappingMessages(repo_mapping)) }),
    };
  }

  private async fileMessages(param: 'path' | 'toc', given: string): Promise<string[]> {
    const problem = await pathProblem(param, given, this.rest.config.importRoots);
    if (problem !== undefined) return [problem];
    try {
      const files = param === 'toc' ? await readToc(given) : { paths: [given], sums: {} };
      for (const each of files.paths)
        if (!(await stat(each).catch(() => undefined))) return [`Import chunk ${each} is missing`];
      await readArchive(
        files,
        () => Promise.resolve('stop'),
        () => Promise.resolve(),
      );
      return [];
    } catch (error) {
      return [messageOf(error)];
    }
  }

  private async mappingMessages(text: string): Promise<string[]> {
    let mapping: unknown;
    try {
      mapping = JSON.parse(text);
    } catch {
      return ['invalid JSON'];
    }
    if (typeof mapping !== 'object' || mapping === null) return ['invalid JSON'];
    const names = Object.values(mapping).filter((each) => typeof each === 'string');
    const rows = await rowsOf<{ name: string }>(this.rest.source, 'select name from repository where name = any($1)', [
      names,
    ]);
    const known = new Set(rows.map(({ name }) => name));
    const missing = names.filter((name) => !known.has(name));
    return missing.length > 0 ? [`Destination repos in mapping not found: [${missing.join(', ')}]`] : [];
  }
}
