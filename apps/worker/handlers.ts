import type { Type } from '@nestjs/common';
import type { TaskHandler } from '#tasks/define-task.js';

/** Every kind of task that a worker can run: one line for each. */
export const handlers: readonly Type<TaskHandler>[] = [];
