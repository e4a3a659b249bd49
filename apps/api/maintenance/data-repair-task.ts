import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { lockRepository } from '#content/versions/apply-change.js';
import { addCounts } from '#content/versions/unit-counts.js';
import type { UnitCounts, UnitKind } from '#content/versions/version.entity.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';

/** Whether to change anything. */
export interface DataRepairPayload {
  readonly dryRun: boolean;
}

/** How many versions were looked at, had wrong counts, and were put right. */
export interface DataRepairResult {
  checked: number;
  wrong: number;
  repaired: number;
}

const DATA_REPAIR = defineTask<DataRepairPayload, DataRepairResult>({
  name: 'pulpcore.app.tasks.datarepair.repair_7272',
});

interface VersionRow {
  readonly id: string;
  readonly number: number;
  readonly added: UnitCounts;
  readonly removed: UnitCounts;
  readonly present: UnitCounts;
}

/** Compares the counts that versions keep with their content, and puts wrong ones right. */
@Injectable()
export class DataRepair implements TaskHandler<DataRepairPayload, DataRepairResult> {
  readonly task = DATA_REPAIR;

  constructor(private readonly source: DataSource) {}

  async run({ dryRun }: DataRepairPayload, context: TaskContext): Promise<DataRepairResult> {
    const result: DataRepairResult = { checked: 0, wrong: 0, repaired: 0 };
    const repositories = await rowsOf<{ id: string }>(this.source, 'select id from repository order by id');
    for (const { id } of repositories) {
      context.signal.throwIfAborted();
      await inTransaction(this.source, (tx) => repairRepository(tx, id, dryRun, result));
      const message = 'Check the counts of repository versions';
      context.progress({ message, code: 'repair.version_counts', done: result.checked });
    }
    return result;
  }
}

async function repairRepository(tx: EntityManager, id: string, dryRun: boolean, result: DataRepairResult) {
  const exists = await rowsOf(tx, 'select 1 from repository where id = $1', [id]);
  if (exists.length === 0) return;
  await lockRepository(tx, id);
  const versions = await rowsOf<VersionRow>(
    tx,
    'select id, number, added, removed, present from repository_version where repository_id = $1 order by number',
    [id],
  );
  const [added, removed] = [await countsBy(tx, id, 'added_in'), await countsBy(tx, id, 'removed_in')];
  let present: UnitCounts = {};
  for (const version of versions) {
    const right = { added: added.get(version.number) ?? {}, removed: removed.get(version.number) ?? {} };
    present = addCounts(present, right.added, right.removed);
    result.checked += 1;
    if (same(version.added, right.added) && same(version.removed, right.removed) && same(version.present, present))
      continue;
    result.wrong += 1;
    if (dryRun) continue;
    await tx.query('update repository_version set added = $2, removed = $3, present = $4 where id = $1', [
      version.id,
      right.added,
      right.removed,
      present,
    ]);
    result.repaired += 1;
  }
}

/** Counts by the version that they are changes of: the first one left since. */
async function countsBy(tx: EntityManager, id: string, column: 'added_in' | 'removed_in') {
  const rows = await rowsOf<{ number: number; kind: UnitKind; count: number }>(
    tx,
    `select (select min(v.number) from repository_version v where v.repository_id = $1 and v.number >= e.number) as number,
            e.kind, sum(e.count)::int as count
       from (select ${column} as number, kind, count(*) as count from membership
              where repository_id = $1 and ${column} is not null group by 1, 2) e group by 1, 2`,
    [id],
  );
  const counts = new Map<number, UnitCounts>();
  for (const { number, kind, count } of rows) counts.set(number, { ...counts.get(number), [kind]: count });
  return counts;
}

const same = (left: UnitCounts, right: UnitCounts): boolean =>
  (['blob', 'manifest', 'tag', 'signature'] as const).every((kind) => (left[kind] ?? 0) === (right[kind] ?? 0));
