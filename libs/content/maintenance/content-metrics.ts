import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { Metrics, type Sample } from '#platform/metrics.js';
import type { CollectReport } from '../collector/collect.js';

const KINDS = ['tags', 'signatures', 'manifests', 'blobs', 'strayFiles'] as const;

/** Numbers of uploads, of the staging, and of what the collector did in this process. */
@Injectable()
export class ContentMetrics implements OnModuleInit {
  private readonly freed = new Map<string, number>(KINDS.map((kind) => [kind, 0]));
  private readonly runs = { completed: 0, failed: 0 };
  private bytes = 0;
  private seconds = 0;
  private lastCompleted = 0;

  constructor(
    private readonly metrics: Metrics,
    private readonly source: DataSource,
  ) {}

  onModuleInit(): void {
    const { metrics } = this;
    metrics.gauge({ name: 'hallmark_uploads_open', help: 'Blob uploads that have bytes and were not closed.' }, () =>
      this.count('select count(*)::int as value from upload where digest is null'),
    );
    metrics.gauge(
      { name: 'hallmark_staged_manifests', help: 'Manifests that were pushed by digest and are in no version yet.' },
      () => this.count(`select count(*)::int as value from staged where kind = 'manifest'`),
    );
    metrics.counter(
      { name: 'hallmark_collector_runs_total', help: 'Collections of this process.', labels: ['outcome'] },
      () => Object.entries(this.runs).map(([outcome, value]) => ({ labels: { outcome }, value })),
    );
    metrics.counter(
      { name: 'hallmark_collector_freed_total', help: 'What collections of this process removed.', labels: ['kind'] },
      () => [...this.freed].map(([kind, value]) => ({ labels: { kind: wordOf(kind) }, value })),
    );
    metrics.counter(
      { name: 'hallmark_collector_freed_bytes_total', help: 'Bytes of blobs that collections of this process freed.' },
      () => [{ value: this.bytes }],
    );
    metrics.gauge(
      { name: 'hallmark_collector_duration_seconds', help: 'How long the last collection of this process took.' },
      () => [{ value: this.seconds }],
    );
    metrics.gauge(
      {
        name: 'hallmark_collector_completed_timestamp_seconds',
        help: 'When a collection of this process last completed; 0: not since its start.',
      },
      () => [{ value: this.lastCompleted }],
    );
  }

  /** Runs a collection and keeps its numbers. */
  async watch(work: () => Promise<CollectReport>): Promise<CollectReport> {
    const started = performance.now();
    try {
      const report = await work();
      for (const kind of KINDS) this.freed.set(kind, this.freed.get(kind)! + report[kind]);
      this.bytes += report.bytes;
      this.runs.completed += 1;
      this.lastCompleted = Date.now() / 1000;
      return report;
    } catch (error) {
      this.runs.failed += 1;
      throw error;
    } finally {
      this.seconds = (performance.now() - started) / 1000;
    }
  }

  private async count(text: string): Promise<Sample[]> {
    const rows = await rowsOf<{ value: number }>(this.source, text);
    return rows.map(({ value }) => ({ value }));
  }
}

const wordOf = (kind: string) => (kind === 'strayFiles' ? 'stray_files' : kind);
