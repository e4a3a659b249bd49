import { ownedRules } from '../rest/access/rules.js';
import { baseFields, derived, href, text, time } from '../rest/fields.js';
import { textFilters } from '../rest/filters/text.js';
import { ordersNothing } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';

/** Seconds as `[days ]HH:MM:SS`. */
export function interval(seconds: number): string {
  const whole = Math.round(seconds);
  const [days, rest] = [Math.floor(whole / 86_400), whole % 86_400];
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${days > 0 ? `${days} ` : ''}${two(rest / 3600)}:${two((rest % 3600) / 60)}:${two(rest % 60)}`;
}

const TASK_SCHEDULES = defineResource({
  model: 'core.taskschedule',
  tag: 'Task_Schedules',
  schema: 'TaskSchedule',
  fields: {
    ...baseFields('core.taskschedule'),
    name: text('t.name'),
    task_name: text('t.task_name'),
    dispatch_interval: derived('t.dispatch_interval', { type: 'string', nullable: true }, interval),
    next_dispatch: time('t.next_dispatch', { nullable: true }),
    last_task: href('core.task', 't.last_task_id', { nullable: true, readOnly: true }),
  },
  filters: [
    ...textFilters('name', 't.name', ['exact', 'contains']),
    ...textFilters('task_name', 't.task_name', ['exact', 'contains']),
  ],
  ordering: {
    dispatch_interval: 't.dispatch_interval',
    next_dispatch: 't.next_dispatch',
    ...ordersNothing('task_args', 'task_kwargs'),
  },
  access: ownedRules('core.taskschedule', 'core.taskschedule_owner'),
});

/** Periodic jobs. */
@ResourceController(TASK_SCHEDULES, LIST, READ, ROLES)
export class TaskSchedulesController extends RestHost {}
