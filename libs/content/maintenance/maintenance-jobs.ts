import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { log } from '#platform/logger.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { type PeriodicJob, Scheduler } from '#tasks/schedule.js';
import { purgeChunkedUploads } from '../artifacts/receive-file.js';
import { collect } from '../collector/collect.js';
import { purgeUploads } from '../uploads/purge-uploads.js';
import { ContentMetrics } from './content-metrics.js';
import { dropForgotten } from './drop-forgotten.js';
import { foldTally } from './fold-tally.js';
import { purgeSessions } from './purge-sessions.js';
import { versionStaged } from './version-staged.js';

const HOURLY = 3_600;
/** A busy registry adds some hundred rows a second. */
const TALLY = 15;

/** Puts the housekeeping on the scheduler; of all processes that have it one does each turn. */
@Injectable()
export class MaintenanceJobs implements OnModuleInit {
  constructor(
    private readonly source: DataSource,
    private readonly scheduler: Scheduler,
    private readonly metrics: ContentMetrics,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  onModuleInit(): void {
    for (const job of this.jobs()) this.scheduler.register(job);
  }

  /** Every job with its interval; 0 is never. */
  jobs(): PeriodicJob[] {
    const { gcInterval, stagedGrace, uploadTtl } = this.config;
    return [
      { name: 'collector', seconds: gcInterval, run: (signal) => this.collect(signal) },
      { name: 'staged manifests', seconds: Math.max(1, Math.min(stagedGrace / 2, 60)), run: (s) => this.version(s) },
      { name: 'uploads', seconds: Math.max(1, Math.min(uploadTtl / 4, HOURLY)), run: () => this.purgeUploads() },
      { name: 'tally', seconds: TALLY, run: () => foldTally(this.source) },
      { name: 'sessions', seconds: HOURLY, run: () => purgeSessions(this.source) },
    ];
  }

  private async collect(signal: AbortSignal): Promise<void> {
    const { gcGrace, stagedGrace } = this.config;
    await dropForgotten(this.source, Math.max(gcGrace, stagedGrace), signal);
    const report = await this.metrics.watch(() => collect(this.source, this.store, { graceSeconds: gcGrace, signal }));
    log('info', 'collected what nothing needs', { ...report });
  }

  private async version(signal: AbortSignal): Promise<void> {
    for (const { repositoryId, number } of await versionStaged(this.source, this.config.stagedGrace, signal))
      log('info', 'manifests that nothing reached got a version', { repository: repositoryId, version: number });
  }

  private async purgeUploads(): Promise<void> {
    const { uploadTtl, uploadLife } = this.config;
    const abandoned =
      (await purgeUploads(this.source, this.store, uploadTtl, uploadLife)) +
      (await purgeChunkedUploads(this.source, uploadTtl));
    if (abandoned > 0) log('info', 'abandoned uploads were dropped', { abandoned });
  }
}
