import { Module } from '@nestjs/common';
import { taskWorkerProviders } from '#tasks/tasks.module.js';
import { handlers } from './handlers.js';

/** Runs tasks. The modules that the handlers inject from are its imports; the process around it brings the rest. */
@Module({
  imports: [],
  providers: taskWorkerProviders(handlers),
})
export class WorkerModule {}
