import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { letGo } from './let-go.js';

/** Repositories whose bytes may go, and versions whose bytes stay. */
export interface ReclaimPayload {
  readonly repositoryIds: readonly string[];
  readonly keptVersionIds: readonly string[];
}

/** What was given back. */
export interface ReclaimResult {
  readonly blobs: number;
  readonly bytes: number;
}

const RECLAIM = defineTask<ReclaimPayload, ReclaimResult>({ name: 'pulpcore.app.tasks.reclaim_space.reclaim_space' });

const RECLAIMABLE = `select c.id, c.digest, c.size from blob c
  where c.stored and exists (select 1 from remote_blob r where r.blob_id = c.id)
    and exists (select 1 from membership m where m.unit_id = c.id and m.repository_id = any($1::uuid[]))
    and not exists (select 1 from membership m join repository_version v on v.repository_id = m.repository_id
      where m.unit_id = c.id and v.id = any($2::uuid[]) and m.added_in <= v.number
        and (m.removed_in is null or m.removed_in > v.number))
  order by c.id`;

/** Drops bytes that an upstream can give again. */
@Injectable()
export class ReclaimSpace implements TaskHandler<ReclaimPayload, ReclaimResult> {
  readonly task = RECLAIM;

  constructor(
    private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
  ) {}

  async run({ repositoryIds, keptVersionIds }: ReclaimPayload, context: TaskContext): Promise<ReclaimResult> {
    const rows = await rowsOf<{ id: string; digest: string; size: number }>(this.source, RECLAIMABLE, [
      repositoryIds,
      keptVersionIds,
    ]);
    const freed = { blobs: 0, bytes: 0 };
    const say = (state: 'running' | 'completed') =>
      context.progress({
        message: 'Reclaim disk space',
        code: 'reclaim-space.artifact',
        total: rows.length,
        done: freed.blobs,
        state,
      });
    for (const row of rows) {
      context.signal.throwIfAborted();
      if (!(await letGo(this.source, this.store, row))) continue;
      freed.blobs += 1;
      freed.bytes += row.size;
      say('running');
    }
    say('completed');
    return freed;
  }
}
