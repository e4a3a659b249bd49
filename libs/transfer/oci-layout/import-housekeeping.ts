import { Injectable, type OnModuleInit } from '@nestjs/common';
import { log } from '#platform/logger.js';
import { Scheduler } from '#tasks/schedule.js';
import { OciLayouts } from './oci-layouts.js';

const HOURLY = 3_600;

/** Removes archives of imports that ended or never began. */
@Injectable()
export class ImportHousekeeping implements OnModuleInit {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly layouts: OciLayouts,
  ) {}

  onModuleInit(): void {
    this.scheduler.register({ name: 'imports', seconds: HOURLY, run: () => this.purge() });
  }

  private async purge(): Promise<void> {
    const purged = await this.layouts.purgeImports();
    if (purged > 0) log('info', 'archives of imports were dropped', { purged });
  }
}
