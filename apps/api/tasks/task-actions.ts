import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { forgetObjects } from '#access/role-assignments.js';
import { objectKey } from '#access/permission-names.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { concludingTransaction } from '#tasks/concluding-transaction.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { Scheduler } from '#tasks/schedule.js';
import { FINAL_STATES, type TaskState } from '#tasks/task.entity.js';

/** Which tasks go: those that ended before, in these states, of one user or (null) of all. */
export interface PurgePayload {
  readonly finishedBefore: string;
  readonly states: readonly string[];
  readonly createdBy: string | null;
}

const PURGE = defineTask<PurgePayload, null>({ name: 'pulpcore.app.tasks.purge.purge' });
const AT_ONCE = 1000;
const HOUR = 3_600;

/** Deletes tasks that ended long ago, and groups that have none left: on demand, and in turn where a setting says how long they are kept. */
@Injectable()
export class PurgeTasks implements TaskHandler<PurgePayload, null>, OnModuleInit {
  readonly task = PURGE;

  constructor(
    private readonly source: DataSource,
    private readonly scheduler: Scheduler,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  onModuleInit(): void {
    const seconds = Math.min(this.config.taskTtl, HOUR);
    this.scheduler.register({ name: 'old tasks', seconds, run: (signal) => this.purgeOld(signal) });
  }

  async run(payload: PurgePayload, context: TaskContext): Promise<null> {
    let tasks = 0;
    for (let gone = -1; gone !== 0; tasks += gone) {
      context.signal.throwIfAborted();
      gone = await this.some(payload, context.fence);
      report(context, 'key.core.Task', 'Purged task-objects of type core.Task', tasks + gone);
    }
    return concludingTransaction(this.source, context, async (tx) => {
      const groups = await deleteEmptyGroups(tx, payload.finishedBefore);
      report(context, 'key.core.TaskGroup', 'Purged task-objects of type core.TaskGroup', groups);
      report(context, 'total', 'Purged task-related-objects total', tasks + groups);
      report(context, 'error', 'Tasks failed to purge', 0);
      return null;
    });
  }

  private async purgeOld(signal: AbortSignal): Promise<void> {
    const finishedBefore = new Date(Date.now() - this.config.taskTtl * 1000).toISOString();
    for (let gone = -1; gone !== 0 && !signal.aborted;)
      gone = await this.some({ finishedBefore, states: FINAL_STATES, createdBy: null });
    await inTransaction(this.source, (tx) => deleteEmptyGroups(tx, finishedBefore));
  }

  private some({ finishedBefore, states, createdBy }: PurgePayload, fence?: TaskContext['fence']): Promise<number> {
    return inTransaction(this.source, async (tx) => {
      await fence?.(tx);
      const rows = await rowsOf<{ id: string }>(
        tx,
        `delete from task where id in (select id from task
           where state = any($1::text[]) and finished_at < $2::timestamptz and ($3::text is null or created_by = $3)
           order by finished_at limit ${AT_ONCE}) returning id`,
        [states, finishedBefore, createdBy],
      );
      await forgetObjects(
        tx,
        rows.map(({ id }) => objectKey('core.task', id)),
      );
      return rows.length;
    });
  }
}

/** Groups are made together with their first task, so one without any is over. */
async function deleteEmptyGroups(tx: EntityManager, madeBefore: string): Promise<number> {
  const rows = await rowsOf<{ id: string }>(
    tx,
    `delete from task_group g where g.pulp_created < $1::timestamptz
       and not exists (select 1 from task where task_group_id = g.id) returning id`,
    [madeBefore],
  );
  await forgetObjects(
    tx,
    rows.map(({ id }) => objectKey('core.taskgroup', id)),
  );
  return rows.length;
}

function report({ progress }: TaskContext, what: string, message: string, done: number): void {
  progress({ code: `purge.tasks.${what}`, message, done });
}

/** Deletes one task that ended; false when it has not. */
export async function deleteTask(source: DataSource, id: string): Promise<boolean> {
  return inTransaction(source, async (tx) => {
    const rows = await rowsOf(tx, 'delete from task where id = $1 and state = any($2::text[]) returning id', [
      id,
      FINAL_STATES satisfies readonly TaskState[],
    ]);
    if (rows.length > 0) await forgetObjects(tx, [objectKey('core.task', id)]);
    return rows.length > 0;
  });
}
