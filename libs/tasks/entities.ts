import { AppStatus } from './app-status.entity.js';
import { TaskGroup } from './task-group.entity.js';
import { TaskResource } from './task-resource.entity.js';
import { TaskSchedule } from './task-schedule.entity.js';
import { Task } from './task.entity.js';

/** Tables of this lib. */
export const taskEntities: Function[] = [Task, TaskResource, TaskGroup, TaskSchedule, AppStatus];
