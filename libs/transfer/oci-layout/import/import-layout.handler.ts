import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { versionHref } from '#content/versions/version-href.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { isDomainError, notFound } from '#platform/domain-error.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { statOf } from '#storage/file-layout.js';
import type { TaskContext, TaskHandler } from '#tasks/define-task.js';
import { TaskStopped } from '#tasks/stop-reasons.js';
import { asImportError } from './import-errors.js';
import { importFiles, removeArchive } from './import-files.js';
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
    if (!(await statOf(files.upload))) throw notFound('The archive is gone; send it again.');
    const importing = { source: this.source, store: this.store, config: this.config };
    try {
      const report = await importLayout(importing, payload.repositoryId, files, context, async (tx, made) => {
        const { version } = made;
        if (version !== null) context.createdResource(await versionHref(tx, payload.repositoryId, version));
        await context.conclude(tx, made);
      });
      await removeArchive(files);
      return report;
    } catch (cause) {
      const error = asImportError(cause);
      // A failure of infrastructure may be tried again with the same archive.
      if (isDomainError(error) || isCancelled(context.signal)) await removeArchive(files);
      throw error;
    }
  }
}

/** A stop that no other worker goes on after. */
function isCancelled({ reason }: AbortSignal): boolean {
  return reason instanceof TaskStopped && (reason.why === 'canceled' || reason.why === 'timeout');
}
