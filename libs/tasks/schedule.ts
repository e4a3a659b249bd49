import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { log } from '#platform/logger.js';
import { ProcessStatus } from './process-status.js';
import { TIMINGS, type TaskTimings } from './timings.js';

/** Work that comes back. It runs in one process at a time. */
export interface PeriodicJob {
  readonly name: string;
  /** From one start to the next; 0: never. */
  readonly seconds: number;
  /** `signal` aborts when the process stops. */
  run(signal: AbortSignal): Promise<unknown>;
}

/** Runs periodic jobs under a lease on their row, so that of many processes one does each turn. */
@Injectable()
export class Scheduler implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  private readonly jobs: PeriodicJob[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly turns = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private started = false;

  constructor(
    private readonly source: DataSource,
    private readonly process: ProcessStatus,
    @Inject(TIMINGS) private readonly timings: TaskTimings,
  ) {}

  /** Adds a job, best in a constructor or `onModuleInit`; later is allowed too. */
  register(job: PeriodicJob): void {
    this.jobs.push(job);
    if (this.started) void this.start(job);
  }

  async onApplicationBootstrap(): Promise<void> {
    this.started = true;
    for (const job of this.jobs) await this.start(job);
  }

  onModuleDestroy(): void {
    this.stopping.abort();
    for (const timer of this.timers) clearInterval(timer);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.turns);
  }

  private async start(job: PeriodicJob): Promise<void> {
    // A job that is switched off is in no list of schedules.
    if (job.seconds <= 0)
      return void (await this.source.query('delete from task_schedule where name = $1', [job.name]));
    await this.source.query(
      `insert into task_schedule (id, name, task_name, dispatch_interval, next_dispatch)
       values ($1, $2, $2, $3, clock_timestamp())
       on conflict (name) do update set dispatch_interval = excluded.dispatch_interval`,
      [newId(), job.name, job.seconds],
    );
    let turn: Promise<void> | undefined;
    const look = () => {
      if (turn || this.stopping.signal.aborted) return;
      turn = this.takeTurn(job)
        .catch((error: unknown) => log('error', 'a periodic job failed', { job: job.name, error }))
        .finally(() => {
          this.turns.delete(turn!);
          turn = undefined;
        });
      this.turns.add(turn);
    };
    this.timers.add(setInterval(look, Math.min(job.seconds * 500, 30_000)));
    look();
  }

  private async takeTurn(job: PeriodicJob): Promise<void> {
    const rows = await rowsOf(
      this.source,
      `update task_schedule set leased_by = $2, leased_until = clock_timestamp() + $3 * interval '1 millisecond',
          next_dispatch = clock_timestamp() + dispatch_interval * interval '1 second'
        where name = $1 and next_dispatch <= clock_timestamp()
          and (leased_until is null or leased_until < clock_timestamp()) returning 1`,
      [job.name, this.process.name, this.timings.ttl],
    );
    if (rows.length === 0) return;
    const renewing = setInterval(() => void this.renew(job, this.timings.ttl), this.timings.ttl / 3);
    try {
      await job.run(this.stopping.signal);
    } finally {
      clearInterval(renewing);
      await this.renew(job, 0);
    }
  }

  /** Keeps the lease, or with 0 gives it back. */
  private async renew(job: PeriodicJob, milliseconds: number): Promise<void> {
    await this.source
      .query(
        `update task_schedule set leased_until = clock_timestamp() + $3 * interval '1 millisecond'
          where name = $1 and leased_by = $2`,
        [job.name, this.process.name, milliseconds],
      )
      .catch((error: unknown) => log('warn', 'a lease could not be renewed', { job: job.name, error }));
  }
}
