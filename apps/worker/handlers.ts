import type { Type } from '@nestjs/common';
import { SignHandler } from '#signing/tasks/sign.handler.js';
import type { TaskHandler } from '#tasks/define-task.js';
import { SyncHandler } from '#transfer/sync/sync.handler.js';
import { ImportLayoutHandler } from '#transfer/oci-layout/import/import-layout.handler.js';
import { API_TASK_HANDLERS } from '../api/task-handlers.js';

/** Every kind of task that a worker can run: one line for each. */
export const handlers: readonly Type<TaskHandler>[] = [
  SignHandler,
  SyncHandler,
  ImportLayoutHandler,
  ...API_TASK_HANDLERS,
];
