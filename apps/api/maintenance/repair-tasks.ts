import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { algorithmOf, digestOf } from '#oci/digest.js';
import { rowsOf } from '#platform/database.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { verifyStored } from '#storage/verify-stored.js';
import { CorruptBlobError } from '#storage/storage-errors.js';
import { isDomainError } from '#platform/domain-error.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { letGo } from './let-go.js';

/** What to look at: one version, or everything. Without checksums only presence and size are checked. */
export interface RepairPayload {
  readonly version: { readonly repositoryId: string; readonly number: number } | null;
  readonly verifyChecksums: boolean;
}

/** What was found. Repaired is what an upstream gives again at the next pull. */
export interface RepairResult {
  checked: number;
  missing: number;
  corrupted: number;
  repaired: number;
  /** Digests that nothing could repair, the first hundred. */
  readonly lost: string[];
}

const REPAIR_ALL = defineTask<RepairPayload, RepairResult>({
  name: 'pulpcore.app.tasks.repository.repair_all_artifacts',
});

/** {@link RepairVersion} as it is dispatched. */
export const REPAIR_VERSION = defineTask<RepairPayload, RepairResult>({
  name: 'pulpcore.app.tasks.repository.repair_version',
});

const BATCH = 200;
const MOST_NAMED = 100;
const IN_VERSION = `($2::uuid is null or exists (select 1 from membership m where m.unit_id = c.id and m.repository_id = $2
  and m.added_in <= $3 and (m.removed_in is null or m.removed_in > $3)))`;

interface StoredRow {
  readonly id: string;
  readonly digest: string;
  readonly size: number;
}

abstract class Repair {
  constructor(
    protected readonly source: DataSource,
    protected readonly store: BlobStore,
  ) {}

  async run(payload: RepairPayload, context: TaskContext): Promise<RepairResult> {
    const result: RepairResult = { checked: 0, missing: 0, corrupted: 0, repaired: 0, lost: [] };
    await this.each(`select c.id, c.digest, c.size from blob c where c.stored`, payload, context, async (blob) => {
      await this.blob(blob, payload.verifyChecksums, result);
      report(context, result, 'running');
    });
    if (payload.verifyChecksums)
      await this.each(`select c.id, c.digest, c.bytes from manifest c where true`, payload, context, async (row) => {
        this.manifest(row as unknown as { digest: string; bytes: Buffer }, result);
      });
    report(context, result, 'completed');
    return result;
  }

  private async each(
    select: string,
    { version }: RepairPayload,
    context: TaskContext,
    visit: (row: StoredRow) => Promise<void>,
  ): Promise<void> {
    for (let last = '00000000-0000-0000-0000-000000000000'; ;) {
      const rows = await rowsOf<StoredRow>(
        this.source,
        `${select} and c.id > $1 and ${IN_VERSION} order by c.id limit ${BATCH}`,
        [last, version?.repositoryId ?? null, version?.number ?? null],
      );
      if (rows.length === 0) return;
      last = rows.at(-1)!.id;
      for (const row of rows) {
        context.signal.throwIfAborted();
        await visit(row);
      }
    }
  }

  private async blob(blob: StoredRow, verifyChecksums: boolean, result: RepairResult): Promise<void> {
    result.checked += 1;
    const state = await this.stateOf(blob, verifyChecksums);
    if (state === 'whole') return;
    result[state] += 1;
    if (await letGo(this.source, this.store, blob)) result.repaired += 1;
    else if (result.lost.length < MOST_NAMED) result.lost.push(blob.digest);
  }

  private async stateOf(
    { digest, size }: StoredRow,
    verifyChecksums: boolean,
  ): Promise<'whole' | 'missing' | 'corrupted'> {
    try {
      if (verifyChecksums) await verifyStored(this.store, digest, size);
      else {
        const stored = await this.store.size(digest);
        if (stored === undefined) return 'missing';
        if (stored !== size) return 'corrupted';
      }
      return 'whole';
    } catch (error) {
      if (error instanceof CorruptBlobError) return 'corrupted';
      if (isDomainError(error) && error.kind === 'not-found') return 'missing';
      throw error;
    }
  }

  private manifest({ digest, bytes }: { digest: string; bytes: Buffer }, result: RepairResult): void {
    result.checked += 1;
    if (digestOf(bytes, algorithmOf(digest)) === digest) return;
    result.corrupted += 1;
    if (result.lost.length < MOST_NAMED) result.lost.push(digest);
  }
}

function report(context: TaskContext, result: RepairResult, state: 'running' | 'completed'): void {
  for (const [code, message, done] of [
    ['repair.missing', 'Identify missing units', result.missing],
    ['repair.corrupted', 'Identify corrupted units', result.corrupted],
    ['repair.repaired', 'Repair corrupted units', result.repaired],
  ] as const)
    context.progress({ code, message, done, state });
}

/** Checks all stored bytes. */
@Injectable()
export class RepairAll extends Repair implements TaskHandler<RepairPayload, RepairResult> {
  readonly task = REPAIR_ALL;

  constructor(source: DataSource, @Inject(BLOB_STORE) store: BlobStore) {
    super(source, store);
  }
}

/** Checks the stored bytes of one version. */
@Injectable()
export class RepairVersion extends Repair implements TaskHandler<RepairPayload, RepairResult> {
  readonly task = REPAIR_VERSION;

  constructor(source: DataSource, @Inject(BLOB_STORE) store: BlobStore) {
    super(source, store);
  }
}
