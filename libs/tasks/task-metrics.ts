import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { Health } from '#platform/health.js';
import { Metrics, type Sample } from '#platform/metrics.js';
import { ProcessStatus } from './process-status.js';
import { TaskQueue } from './task-queue.js';

/** Numbers of the tasks of the whole installation, the same from every process, and what runs here. */
@Injectable()
export class TaskMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: Metrics,
    private readonly health: Health,
    private readonly source: DataSource,
    private readonly queue: TaskQueue,
    private readonly process: ProcessStatus,
  ) {}

  onModuleInit(): void {
    // Tasks that a queue does not take are enqueued later, so a queue that is away stops no request.
    this.health.add('queue', () => this.queue.backlog(), false);
    this.metrics.gauge(
      { name: 'hallmark_tasks', help: 'Unfinished tasks of the installation by state.', labels: ['state'] },
      () => this.byState(),
    );
    this.metrics.gauge(
      { name: 'hallmark_task_oldest_waiting_seconds', help: 'Age of the task that waits longest; 0: none waits.' },
      () => this.oldest(),
    );
    this.metrics.gauge({ name: 'hallmark_queue_jobs', help: 'Jobs that no worker has taken yet.' }, async () => [
      { value: await this.queue.backlog() },
    ]);
    this.metrics.gauge({ name: 'hallmark_tasks_running_here', help: 'Tasks that run in this process.' }, () => [
      { value: this.process.busy },
    ]);
    this.metrics.gauge(
      { name: 'hallmark_processes', help: 'Processes that gave a sign of life lately.', labels: ['kind'] },
      () => this.processes(),
    );
  }

  private async byState(): Promise<Sample[]> {
    const rows = await rowsOf<{ state: string; count: number }>(
      this.source,
      `select state, count(*)::int as count from unnest(array['waiting', 'running', 'canceling']) as s(state)
         join task using (state) group by state`,
    );
    const counts = new Map(rows.map(({ state, count }) => [state, count]));
    return ['waiting', 'running', 'canceling'].map((state) => ({ labels: { state }, value: counts.get(state) ?? 0 }));
  }

  private async oldest(): Promise<Sample[]> {
    const [row] = await rowsOf<{ age: number }>(
      this.source,
      `select coalesce(extract(epoch from now() - min(pulp_created)), 0)::float8 as age from task where state = 'waiting'`,
    );
    return [{ value: Math.max(0, row!.age) }];
  }

  private async processes(): Promise<Sample[]> {
    const rows = await rowsOf<{ kind: string; count: number }>(
      this.source,
      `select app_type as kind, count(*)::int as count from app_status
        where last_heartbeat > clock_timestamp() - interval '30 seconds' group by app_type`,
    );
    return rows.map(({ kind, count }) => ({ labels: { kind }, value: count }));
  }
}
