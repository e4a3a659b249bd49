import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { versionHref } from '#content/versions/version-href.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import { isDomainError, notFound } from '#platform/domain-error.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { statOf } from '#storage/file-layout.js';
import type { TaskContext, TaskHandler } from '#tasks/define-task.js';
import { TaskStopped } from '#tasks/stop-reasons.js';
import { asImportError } from './import-errors.js';
import { finishedReport, finishImport, importFiles, type ImportFiles, removeArchive } from './import-files.js';
import { importLayout } from './import-layout.js';
import { type ImportPayload, type ImportReport, importTask } from './import-layout.task.js';

/** Imports an archive that the API took, and removes it when it is in or refused. */
@Injectable()
export class ImportLayoutHandler implements TaskHandler<ImportPayload, ImportReport> {
  readonly task = importTask;

  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  async run(payload: ImportPayload, context: TaskContext): Promise<ImportReport> {
    const files = importFiles(this.config.dataDir, payload.importId);
    const report = (await finishedReport<ImportReport>(files)) ?? (await this.import(payload, files, context));
    const number = report.version ?? (await this.versionOfTask(payload.repositoryId, context.taskId));
    if (number !== null) context.createdResource(await versionHref(this.source, payload.repositoryId, number));
    return { ...report, version: number };
  }

  private async import(payload: ImportPayload, files: ImportFiles, context: TaskContext): Promise<ImportReport> {
    if (!(await statOf(files.upload))) throw notFound('The archive is gone; send it again.');
    const importing = { source: this.source, store: this.store, config: this.config };
    try {
      const report = await importLayout(importing, payload.repositoryId, files, context);
      await finishImport(files, report);
      return report;
    } catch (cause) {
      const error = asImportError(cause);
      // A failure of infrastructure may be tried again with the same archive.
      if (isDomainError(error) || isCancelled(context.signal)) await removeArchive(files);
      throw error;
    }
  }

  /** The version that an earlier run of the same task made before its worker died. */
  private async versionOfTask(repositoryId: string, taskId: string): Promise<number | null> {
    const [row] = await rowsOf<{ number: number }>(
      this.source,
      'select number from repository_version where repository_id = $1 and task_id = $2 order by number desc limit 1',
      [repositoryId, taskId],
    );
    return row?.number ?? null;
  }
}

/** A stop that no other worker goes on after. */
function isCancelled({ reason }: AbortSignal): boolean {
  return reason instanceof TaskStopped && (reason.why === 'canceled' || reason.why === 'timeout');
}
