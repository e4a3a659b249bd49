import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { applyChange } from '#content/versions/apply-change.js';
import { createRepository } from '#content/versions/create-repository.js';
import { deleteVersion } from '#content/versions/delete-version.js';
import { versionHref } from '#content/versions/version-href.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { invalid } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { concludingTransaction } from '#tasks/concluding-transaction.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { isInside } from '#transfer/exchange/allowed-path.js';
import { readArchive, readToc, verifyFiles, type ArchiveFiles } from '#transfer/exchange/read-archive.js';
import { unitIdentities } from '#transfer/exchange/unit-identities.js';
import type { ArchivedRepository } from '#transfer/exchange/write-archive.js';
import { prepareImport, removeArchive } from '#transfer/oci-layout/import/import-files.js';
import { importLayout } from '#transfer/oci-layout/import/import-layout.js';
import { hrefTo } from '../rest/models.js';

/** One run of an importer. */
export interface ImportPayload {
  readonly importerId: string;
  readonly importId: string;
  readonly path: string | null;
  readonly toc: string | null;
  readonly createRepositories: boolean;
}

const PULP_IMPORT = defineTask<ImportPayload, null>({ name: 'pulpcore.app.tasks.importer.pulp_import' });

/** Makes repositories equal to the versions in an archive, each in one new version. */
@Injectable()
export class PulpImportTask implements TaskHandler<ImportPayload, null> {
  readonly task = PULP_IMPORT;

  constructor(
    private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  async run(payload: ImportPayload, context: TaskContext): Promise<null> {
    const files = await this.filesOf(payload);
    await verifyFiles(files, context.signal);
    const here = new Map<string, string>();
    let done = 0;
    const say = (state: 'running' | 'completed') =>
      context.progress({
        message: 'Importing repository versions',
        code: 'import.repo.versions',
        total: here.size,
        done,
        state,
      });
    await readArchive(
      files,
      async (repositories) => {
        for (const each of repositories) here.set(each.name, await this.destination(each.name, payload));
        say('running');
        return 'go';
      },
      async (repository, bytes) => {
        const archive = await prepareImport(this.config.dataDir, newId());
        try {
          await pipeline(bytes, createWriteStream(archive.upload, { mode: 0o600 }));
          const repositoryId = here.get(repository.name)!;
          const importing = { source: this.source, store: this.store, config: this.config };
          const { version } = await importLayout(importing, repositoryId, archive, context);
          const last = await this.dropOthers(repositoryId, repository, version, context);
          if (last !== null) context.createdResource(await versionHref(this.source, repositoryId, last));
        } finally {
          await removeArchive(archive);
        }
        done += 1;
        say('running');
      },
    );
    say('completed');
    context.createdResource(hrefTo('core.pulpimporter', `${payload.importerId}/imports/${payload.importId}`));
    return concludingTransaction(this.source, context, () => Promise.resolve(null));
  }

  private async filesOf({ path, toc }: ImportPayload): Promise<ArchiveFiles> {
    const given = (path ?? toc)!;
    if (!(await isInside(given, this.config.importRoots))) throw invalid(`${given} is not an allowed import path`);
    return path === null ? readToc(given) : { paths: [path], sums: {} };
  }

  /** The repository that a name in the archive means here. */
  private async destination(name: string, { importerId, createRepositories }: ImportPayload): Promise<string> {
    const [importer] = await rowsOf<{ repo_mapping: Record<string, string> }>(
      this.source,
      'select repo_mapping from importer where id = $1',
      [importerId],
    );
    const mapping = importer?.repo_mapping ?? {};
    const wanted = Object.hasOwn(mapping, name) ? mapping[name]! : name;
    const [found] = await rowsOf<{ id: string }>(this.source, 'select id from repository where name = $1', [wanted]);
    if (found) return found.id;
    if (!createRepositories)
      throw invalid(
        `There is no repository named '${wanted}'; make it, map '${name}' to another, or set create_repositories.`,
      );
    return inTransaction(this.source, (tx) => createRepository(tx, { type: 'container', name: wanted }));
  }

  /** Removes what the imported version does not hold; returns the number of the version that is right. */
  private dropOthers(
    repositoryId: string,
    { units }: ArchivedRepository,
    made: number | null,
    context: TaskContext,
  ): Promise<number | null> {
    const kept = new Set(units);
    return inTransaction(this.source, async (tx) => {
      await context.fence(tx);
      const imported = made ?? (await versionOfTask(tx, repositoryId, context.taskId));
      const others = (await unitIdentities(tx, repositoryId, null)).filter(({ identity }) => !kept.has(identity));
      if (others.length === 0) return imported;
      const change = { remove: others.map(({ id }) => id) };
      const version = await applyChange(tx, repositoryId, change, { taskId: context.taskId });
      if (version && imported !== null) await deleteVersion(tx, repositoryId, imported);
      return version?.number ?? imported;
    });
  }
}

/** The version that an earlier run of the task, whose worker died, made of a repository. */
async function versionOfTask(tx: EntityManager, repositoryId: string, taskId: string): Promise<number | null> {
  const [row] = await rowsOf<{ number: number | null }>(
    tx,
    'select max(number) as number from repository_version where repository_id = $1 and task_id = $2',
    [repositoryId, taskId],
  );
  return row!.number;
}
