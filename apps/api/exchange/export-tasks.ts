import { createWriteStream } from 'node:fs';
import { link, mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import { extract } from 'tar-stream';
import { DataSource } from 'typeorm';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { invalid, notFound } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { rowsOf } from '#platform/database.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { concludingTransaction } from '#tasks/concluding-transaction.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { exportPathProblem } from '#transfer/exchange/allowed-path.js';
import { writeArchive, type ExportedVersion } from '#transfer/exchange/write-archive.js';
import { openExport } from '#transfer/oci-layout/export/open-export.js';
import { hrefTo, type ModelName } from '../rest/models.js';

/** One run of an exporter. */
export interface ExportPayload {
  readonly exporterId: string;
  readonly versions: readonly (ExportedVersion & { readonly href: string })[];
  readonly params: Readonly<Record<string, unknown>>;
  readonly chunkSize: number;
  readonly dryRun: boolean;
}

interface ExporterRow {
  readonly path: string;
  readonly method: string;
}

const PULP_EXPORT = defineTask<ExportPayload, null>({ name: 'pulpcore.app.tasks.export.pulp_export' });
const FS_EXPORT = defineTask<ExportPayload, null>({ name: 'pulpcore.app.tasks.export.fs_repo_version_export' });

/** `20260131_2359` in UTC, as the names of exports have it. */
const minute = (now: Date): string => now.toISOString().slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '_');

abstract class ExportRun {
  constructor(
    protected readonly source: DataSource,
    protected readonly store: BlobStore,
    protected readonly config: HallmarkConfig,
  ) {}

  protected async exporter(id: string): Promise<ExporterRow> {
    const [row] = await rowsOf<ExporterRow>(this.source, 'select path, method from exporter where id = $1', [id]);
    if (!row) throw notFound('The exporter was removed.');
    const problem = await exportPathProblem(row.path, this.config.exportRoots);
    if (problem !== undefined) throw invalid(problem, 'path');
    return row;
  }

  /** Stores what was written, and ends the task. */
  protected async keep(
    payload: ExportPayload,
    context: TaskContext,
    model: ModelName,
    more: readonly [string, unknown][] = [],
  ): Promise<null> {
    const id = newId();
    const { length } = payload.versions;
    return concludingTransaction(this.source, context, async (tx) => {
      await tx.query(
        `insert into export (id, exporter_id, task_id, exported_resources, params) values ($1, $2, $3, $4, $5)`,
        [
          id,
          payload.exporterId,
          context.taskId,
          JSON.stringify(payload.versions.map(({ href }) => href)),
          payload.params,
        ],
      );
      for (const [column, value] of more) await tx.query(`update export set ${column} = $2 where id = $1`, [id, value]);
      if (!payload.dryRun)
        await tx.query('update exporter set last_export_id = $2, pulp_last_updated = now() where id = $1', [
          payload.exporterId,
          id,
        ]);
      this.say(context, length, length);
      context.createdResource(hrefTo(model, `${payload.exporterId}/exports/${id}`));
      return null;
    });
  }

  protected say(context: TaskContext, done: number, total: number): void {
    const state = done === total ? 'completed' : 'running';
    context.progress({ message: 'Exporting repository versions', code: 'export.repo.versions', done, total, state });
  }
}

/** Writes repository versions into one archive. */
@Injectable()
export class PulpExportTask extends ExportRun implements TaskHandler<ExportPayload, null> {
  readonly task = PULP_EXPORT;

  constructor(source: DataSource, @Inject(BLOB_STORE) store: BlobStore, @Inject(CONFIG) config: HallmarkConfig) {
    super(source, store, config);
  }

  async run(payload: ExportPayload, context: TaskContext): Promise<null> {
    const { path } = await this.exporter(payload.exporterId);
    const exporting = { source: this.source, store: this.store, config: this.config };
    this.say(context, 0, payload.versions.length);
    const { dryRun, chunkSize, versions } = payload;
    if (dryRun)
      for (const { repositoryId, number } of versions)
        await openExport(exporting, { view: { repositoryId, pinned: number } });
    const earlier = `export-${context.taskId}-`;
    const target = { folder: path, base: earlier + minute(new Date()), earlier, chunkSize, signal: context.signal };
    const written = dryRun ? undefined : await writeArchive(exporting, versions, target);
    const info: [string, unknown][] = written
      ? [
          ['output_file_info', written.files],
          ['toc_info', written.toc],
        ]
      : [];
    return this.keep(payload, context, 'core.pulpexporter', info);
  }
}

/** Writes a repository version as a folder in the OCI image layout. */
@Injectable()
export class FilesystemExportTask extends ExportRun implements TaskHandler<ExportPayload, null> {
  readonly task = FS_EXPORT;

  constructor(source: DataSource, @Inject(BLOB_STORE) store: BlobStore, @Inject(CONFIG) config: HallmarkConfig) {
    super(source, store, config);
  }

  async run(payload: ExportPayload, context: TaskContext): Promise<null> {
    const { path, method } = await this.exporter(payload.exporterId);
    const [version] = payload.versions;
    const exporting = { source: this.source, store: this.store, config: this.config };
    const view = { repositoryId: version!.repositoryId, pinned: version!.number };
    const archive = extract();
    (await openExport(exporting, { view }))
      .stream()
      .on('error', (error) => archive.destroy(error))
      .pipe(archive);
    for await (const entry of archive) {
      context.signal.throwIfAborted();
      const target = join(path, entry.header.name);
      await mkdir(dirname(target), { recursive: true });
      await rm(target, { force: true });
      if (method !== 'write' && (await this.linked(entry.header.name, target, method))) entry.resume();
      else await pipeline(Readable.from(entry as unknown as AsyncIterable<Buffer>), createWriteStream(target));
    }
    return this.keep(payload, context, 'core.filesystemexporter');
  }

  /** Links a blob to the stored file; false when it has none, or lies on another disk. */
  private async linked(name: string, target: string, method: string): Promise<boolean> {
    const [, algorithm, hex] = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name) ?? [];
    const digest = `${algorithm}:${hex}`;
    const size = algorithm ? await this.store.size(digest) : undefined;
    const path = size === undefined ? undefined : this.store.localPath?.(digest, size);
    if (path === undefined) return false;
    try {
      await (method === 'hardlink' ? link : symlink)(path, target);
      return true;
    } catch {
      return false;
    }
  }
}
