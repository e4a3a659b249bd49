import { TaskDispatcher } from '#tasks/dispatch.js';
import { rowsOf } from '#platform/database.js';
import { forbidden } from '#platform/domain-error.js';
import { viewable } from '../rest/access/rules.js';
import { Context, type RestContext } from '../rest/context.js';
import { withBody } from '../rest/errors.js';
import { baseFields, derived, flag, text, timeSql, whole, type Field } from '../rest/fields.js';
import { requireKeyOf } from '../rest/keys.js';
import { hrefTo, prnOf } from '../rest/models.js';
import { PatchRoute } from '../rest/operation.js';
import { defineResource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { TaskCancelBody } from './dto/task.body.js';
import { requireCanceled } from './tasks.controller.js';
import { MINIMAL_TASK_SCHEMA, workerOf } from './tasks.resource.js';

const STATES = ['waiting', 'skipped', 'running', 'completed', 'canceled', 'failed', 'canceling'];

const counters: Record<string, Field> = Object.fromEntries(
  STATES.map((state) => [
    state,
    whole(`(select count(*)::int from task c where c.task_group_id = t.id and c.state = '${state}')`, {
      readOnly: true,
    }),
  ]),
);

interface MinimalRow {
  readonly id: string;
  readonly worker: string | null;
}

const times = ['pulp_created', 'pulp_last_updated', 'unblocked_at', 'started_at', 'finished_at'];
const MINIMAL_SQL = `coalesce((select json_agg(json_build_object('id', c.id, ${times
  .map((name) => `'${name}', ${timeSql(`c.${name}`)}`)
  .join(
    ', ',
  )}, 'name', c.name, 'state', c.state, 'worker', ${workerOf('c')}) order by c.position) from task c where c.task_group_id = t.id), '[]')`;

const tasks = derived(MINIMAL_SQL, { type: 'array', items: MINIMAL_TASK_SCHEMA }, (rows: MinimalRow[]) =>
  rows.map(({ id, worker, ...row }) => ({
    pulp_href: hrefTo('core.task', id),
    prn: prnOf('core.task', id),
    pulp_api_version: 'v3',
    worker: worker === null ? null : hrefTo('core.worker', worker),
    ...row,
  })),
);

/** Progress of all tasks of the group, summed by code. */
const progress = derived(
  `coalesce((select json_agg(each) from (
     select max(p ->> 'message') as message, p ->> 'code' as code, sum((p ->> 'total')::bigint) as total,
            sum((p ->> 'done')::bigint) as done, max(p ->> 'suffix') as suffix
       from task c cross join lateral jsonb_array_elements(c.progress_reports) p
      where c.task_group_id = t.id group by p ->> 'code') each), '[]')`,
  {
    type: 'array',
    items: {
      title: 'GroupProgressReportResponse',
      type: 'object',
      properties: {
        message: { type: 'string' },
        code: { type: 'string' },
        total: { type: 'integer', nullable: true },
        done: { type: 'integer' },
        suffix: { type: 'string', nullable: true },
      },
    },
  },
  (reports: unknown) => reports,
);

/** Tasks that belong together. */
export const TASK_GROUPS = defineResource({
  model: 'core.taskgroup',
  tag: 'Task_Groups',
  schema: 'TaskGroup',
  bare: true,
  fields: {
    pulp_href: baseFields('core.taskgroup')['pulp_href']!,
    prn: baseFields('core.taskgroup')['prn']!,
    description: text('t.description'),
    all_tasks_dispatched: flag('t.all_tasks_dispatched'),
    ...counters,
    group_progress_reports: progress,
    tasks,
  },
  access: {
    actions: { list: 'authenticated', read: 'authenticated', cancel: 'authenticated' },
    scope: (facts, values) =>
      `${viewable('core.view_taskgroup', 'core.taskgroup')(facts, values)}
        or exists (select 1 from task c where c.task_group_id = t.id and c.created_by = ${values.bind(String(facts.userId))})`,
  },
});

/** Tasks that belong together: how they go, and ending them. */
@ResourceController(TASK_GROUPS, LIST, READ)
export class TaskGroupsController extends RestHost {
  constructor(private readonly dispatcher: TaskDispatcher) {
    super();
  }

  @PatchRoute(':id', {
    action: 'cancel',
    id: 'task_groups_cancel',
    summary: 'Cancel a task group',
    body: { schema: 'PatchedTaskCancel', of: TaskCancelBody, partial: true },
    answers: { 200: 'resource', 409: 'resource' },
  })
  async cancel(@Context() context: RestContext): Promise<object> {
    const id = requireKeyOf(TASK_GROUPS, context.param('id'));
    requireCanceled(await this.rest.body(context, TaskCancelBody));
    const open = await rowsOf<{ created_by: string | null }>(
      this.rest.source,
      `select distinct created_by from task where task_group_id = $1 and state in ('waiting', 'running', 'canceling')`,
      [id],
    );
    const held = await this.rest.permissions.permissionsOf(context.principal);
    const isOwn = open.every(({ created_by }) => created_by === context.userId);
    if (!isOwn && !held.has('core.change_task')) throw forbidden();
    await this.dispatcher.cancelGroup(id);
    const group = await this.rest.show(TASK_GROUPS, id);
    if (open.length > 0) return group;
    throw withBody('conflict', group, 'All tasks of the group have ended.');
  }
}
