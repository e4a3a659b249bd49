import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { TaskDispatcher, type DispatchedTask } from '#tasks/dispatch.js';
import { type ExportRequest, openExport, type OpenedExport } from './export/open-export.js';
import { acceptImport } from './import/accept-import.js';
import { importFiles, purgeImports, removeArchive } from './import/import-files.js';
import { importTask } from './import/import-layout.task.js';

/** An archive on its way in. `exclusive` names the repository that the task holds. */
export interface ImportRequest {
  readonly repositoryId: string;
  readonly exclusive: readonly string[];
  readonly createdBy?: string;
  /** `Content-Length`, when the client sent it. */
  readonly length?: number | undefined;
}

/** Export and import of OCI image layouts for those who answer requests. */
@Injectable()
export class OciLayouts {
  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
    @Inject(TaskDispatcher) private readonly tasks: TaskDispatcher,
  ) {}

  /**
   * Plans the export of a version and throws everything that can be wrong before the first byte. Send `length` as
   * `Content-Length`, `etag` as `ETag`, and `stream(range)` as the body, status 206 for a range.
   */
  openExport(request: ExportRequest): Promise<OpenedExport> {
    return openExport({ source: this.source, store: this.store, config: this.config }, request);
  }

  /**
   * Takes the body of a request into a file and starts its import; answer 202 with the task. Throws too-large, no-space or
   * invalid when the body cannot be taken, and leaves the stream open for the answer then.
   */
  async startImport(body: Readable, request: ImportRequest): Promise<DispatchedTask> {
    const { dataDir, importLimit } = this.config;
    const importId = await acceptImport(body, { dataDir, limit: importLimit, length: request.length });
    try {
      const payload = { repositoryId: request.repositoryId, importId };
      return await this.tasks.dispatch(importTask, payload, {
        exclusive: request.exclusive,
        createdBy: request.createdBy,
      });
    } catch (error) {
      await removeArchive(importFiles(dataDir, importId));
      throw error;
    }
  }

  /** Removes files of imports that ended or never began, older than `ttlSeconds`; for the regular housekeeping. */
  async purgeImports(ttlSeconds = this.config.uploadTtl): Promise<number> {
    const rows = await rowsOf<{ id: string }>(
      this.source,
      `select payload->>'importId' as id from task where name = $1 and state in ('waiting', 'running')`,
      [importTask.name],
    );
    return purgeImports(this.config.dataDir, ttlSeconds, new Set(rows.map((row) => row.id)));
  }
}
