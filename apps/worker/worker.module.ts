import { Module } from '@nestjs/common';
import { ContentMetrics } from '#content/maintenance/content-metrics.js';
import { MaintenanceJobs } from '#content/maintenance/maintenance-jobs.js';
import { taskWorkerProviders } from '#tasks/tasks.module.js';
import { ImportHousekeeping } from '#transfer/oci-layout/import-housekeeping.js';
import { OciLayouts } from '#transfer/oci-layout/oci-layouts.js';
import { handlers } from './handlers.js';

/** Runs tasks and the housekeeping. What the handlers inject is global in the process around it. */
@Module({
  providers: [...taskWorkerProviders(handlers), ContentMetrics, MaintenanceJobs, OciLayouts, ImportHousekeeping],
})
export class WorkerModule {}
