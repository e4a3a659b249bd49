import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { recoverTasks, type LostRun } from './recover.js';
import { blockedSql } from './reservations.js';
import { Scheduler } from './schedule.js';
import { TaskQueue } from './task-queue.js';
import { TIMINGS, type TaskTimings } from './timings.js';

const BATCH = 500;
const SOON = 2_000;
const LATE = 30_000;

/** Finds what fell between two stools: tasks whose worker is gone, and ready tasks without a job. */
@Injectable()
export class Sweeper {
  constructor(
    private readonly source: DataSource,
    private readonly queue: TaskQueue,
    @Inject(TIMINGS) private readonly timings: TaskTimings,
  ) {}

  /** Looks once. Any process may do it at any time. */
  async sweep(): Promise<void> {
    await recoverTasks(this.source, this.queue, await this.lostRuns());
    await this.wakeForgotten();
    await this.source.query(`delete from app_status where last_heartbeat < clock_timestamp() - interval '1 hour'`);
  }

  private lostRuns(): Promise<LostRun[]> {
    return rowsOf<LostRun>(
      this.source,
      `select task.id, task.claim from task left join app_status process on process.name = task.worker
        where task.state in ('running', 'canceling') and (process.id is null
          or process.last_heartbeat < clock_timestamp() - $1 * interval '1 millisecond')
        order by task.position limit ${BATCH}`,
      [this.timings.ttl],
    );
  }

  /** While jobs wait in the queue a ready task may have one of them; with an empty queue it has none. */
  private async wakeForgotten(): Promise<void> {
    const ready = await this.readyFor(SOON);
    if (ready.length === 0) return;
    const ids = (await this.queue.backlog()) === 0 ? ready : await this.readyFor(LATE);
    await this.source.query('update task set enqueued_at = clock_timestamp() where id = any($1)', [ids]);
    await this.queue.wake(ids);
  }

  private async readyFor(milliseconds: number): Promise<string[]> {
    const rows = await rowsOf<{ id: string }>(
      this.source,
      `select id from task where state = 'waiting'
          and coalesce(enqueued_at, pulp_created) < clock_timestamp() - $1 * interval '1 millisecond'
          and not ${blockedSql('task.id')} order by position limit ${BATCH}`,
      [milliseconds],
    );
    return rows.map(({ id }) => id);
  }
}

/** Makes the sweeper look again and again, in one process at a time. */
@Injectable()
export class SweeperSchedule implements OnModuleInit {
  constructor(
    private readonly sweeper: Sweeper,
    private readonly scheduler: Scheduler,
    @Inject(TIMINGS) private readonly timings: TaskTimings,
  ) {}

  onModuleInit(): void {
    this.scheduler.register({
      name: 'task sweeper',
      seconds: this.timings.sweep / 1000,
      run: () => this.sweeper.sweep(),
    });
  }
}
