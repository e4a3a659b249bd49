import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { collect, type CollectReport } from '#content/collector/collect.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';

/** What to clean up: these units or (null) all, when nothing used them for so many minutes. */
export interface OrphanPayload {
  readonly contentIds: readonly string[] | null;
  readonly protectionMinutes: number;
}

const ORPHAN_CLEANUP = defineTask<OrphanPayload, CollectReport>({ name: 'pulpcore.app.tasks.orphan.orphan_cleanup' });

/** Longer protection is for ever; later times than this the database could not subtract. */
const A_CENTURY = 100 * 366 * 24 * 3600;

/** Removes content that no repository version holds, with its bytes. */
@Injectable()
export class OrphanCleanup implements TaskHandler<OrphanPayload, CollectReport> {
  readonly task = ORPHAN_CLEANUP;

  constructor(
    private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
  ) {}

  async run({ contentIds, protectionMinutes }: OrphanPayload, context: TaskContext): Promise<CollectReport> {
    const report = await collect(this.source, this.store, {
      graceSeconds: Math.min(protectionMinutes * 60, A_CENTURY),
      signal: context.signal,
      onProgress: (so) => say(context, so, 'running'),
      ...(contentIds === null ? {} : { only: contentIds }),
    });
    say(context, report, 'completed');
    return report;
  }
}

function say(context: TaskContext, report: CollectReport, state: 'running' | 'completed'): void {
  const content = report.tags + report.signatures + report.manifests + report.blobs;
  const files = report.blobs + report.strayFiles;
  const total = (done: number) => (state === 'completed' ? { total: done } : {});
  context.progress({
    message: 'Clean up orphan Content',
    code: 'clean-up.content',
    done: content,
    state,
    ...total(content),
  });
  context.progress({
    message: 'Clean up orphan Artifacts',
    code: 'clean-up.artifacts',
    done: files,
    state,
    ...total(files),
  });
}
