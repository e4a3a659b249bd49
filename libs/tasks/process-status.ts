import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { DataSource } from 'typeorm';
import { ChangeFeed } from '#platform/change-feed.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { log } from '#platform/logger.js';
import type { AppType } from './app-status.entity.js';
import { CANCEL_TOPIC } from './cancel.js';
import { recoverTasks, type LostRun } from './recover.js';
import { RunningTasks } from './running-tasks.js';
import { canceled, lost } from './stop-reasons.js';
import { TaskQueue } from './task-queue.js';
import { TIMINGS, type TaskTimings } from './timings.js';

/** What a process says of itself. */
export interface ProcessDescription {
  readonly appType: AppType;
  readonly versions: Readonly<Record<string, string>>;
}

/** Injection token of {@link ProcessDescription}. */
export const PROCESS = Symbol('process description');

interface OwnRun extends LostRun {
  readonly state: 'running' | 'canceling';
}

/** Says that this process lives, and keeps what it runs in step with the rows. */
@Injectable()
export class ProcessStatus implements OnModuleInit, OnModuleDestroy, BeforeApplicationShutdown {
  /** Name of this process in `app_status` and on the tasks that it runs. */
  readonly name = `${process.pid}@${hostname()}.${randomBytes(4).toString('hex')}`;
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> | undefined;
  private stopListening = () => {};
  private draining: Promise<void> | undefined;

  constructor(
    private readonly source: DataSource,
    private readonly running: RunningTasks,
    private readonly queue: TaskQueue,
    private readonly feed: ChangeFeed,
    @Inject(PROCESS) private readonly description: ProcessDescription,
    @Inject(TIMINGS) private readonly timings: TaskTimings,
  ) {}

  /** Registers the process and starts its heart. */
  async onModuleInit(): Promise<void> {
    const stops = [
      this.feed.onChange(({ topic, key }) => {
        if (topic === CANCEL_TOPIC) this.running.abort(key, canceled());
      }),
      this.feed.onReset(() => void this.beat()),
    ];
    this.stopListening = () => stops.forEach((stop) => stop());
    await this.write();
    this.timer = setInterval(() => void this.beat(), this.timings.ttl / 3);
  }

  /** From here on the process takes no more tasks. */
  onModuleDestroy(): void {
    this.draining = this.running.drain(this.timings.drain);
  }

  /** Waits for the tasks that run, then signs off. It ends before the database closes. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.draining;
    await this.stopHeart();
    await this.source
      .query('delete from app_status where name = $1', [this.name])
      .catch((error: unknown) => log('warn', 'this process could not sign off; its row grows old instead', { error }));
  }

  /** How many tasks run here now. */
  get busy(): number {
    return this.running.claimedIds.length;
  }

  /** Ends heartbeats without signing off: what a killed process looks like to the others. */
  async stopHeart(): Promise<void> {
    clearInterval(this.timer);
    this.stopListening();
    await this.beating;
  }

  private async beat(): Promise<void> {
    this.beating ??= this.write()
      .then(() => this.compare())
      .catch((error: unknown) => log('warn', 'the heartbeat could not be written', { error }))
      .finally(() => {
        this.beating = undefined;
      });
    await this.beating;
  }

  private async write(): Promise<void> {
    await this.source.query(
      `insert into app_status (id, name, app_type, versions, last_heartbeat, current_task, hostname, pid)
       values ($1, $2, $3, $4::jsonb, clock_timestamp(), $5, $6, $7)
       on conflict (name) do update set last_heartbeat = excluded.last_heartbeat,
         current_task = excluded.current_task, pulp_last_updated = clock_timestamp()`,
      [
        newId(),
        this.name,
        this.description.appType,
        JSON.stringify(this.description.versions),
        this.running.ids[0] ?? null,
        hostname(),
        process.pid,
      ],
    );
  }

  /** Stops what is not ours any more or was cancelled unheard, and gives up rows that nothing here works on. */
  private async compare(): Promise<void> {
    const before = this.running.ids;
    const claimed = this.running.claimedIds;
    const rows = await rowsOf<OwnRun>(
      this.source,
      `select id, claim, state from task where worker = $1 and state in ('running', 'canceling')`,
      [this.name],
    );
    for (const id of claimed) this.stopIfGone(id, rows);
    const known = new Set([...before, ...this.running.ids]);
    await recoverTasks(
      this.source,
      this.queue,
      rows.filter(({ id }) => !known.has(id)),
    );
  }

  private stopIfGone(id: string, rows: readonly OwnRun[]): void {
    const row = rows.find((each) => each.id === id);
    if (row?.state === 'canceling') this.running.abort(id, canceled());
    else if (!row) this.running.abort(id, lost());
  }
}
