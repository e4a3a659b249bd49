import { TASK_STATES } from '#tasks/task.entity.js';
import { on, type AccessRules, type Rule, type Scope } from '../rest/access/rules.js';
import {
  anyObject,
  baseFields,
  constant,
  derived,
  href,
  hrefs,
  json,
  text,
  time,
  type Schema,
} from '../rest/fields.js';
import { responseSchema } from '../rest/openapi/schemas.js';
import { single } from '../rest/filters/filter.js';
import { choice, textFilters } from '../rest/filters/text.js';
import { timeFilters } from '../rest/filters/ordered.js';
import { hrefFilter, keysFilter } from '../rest/filters/references.js';
import { locate } from '../rest/models.js';
import { ordersNothing } from '../rest/ordering.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { createdResources, prnsOfHrefs, reservedResources } from './created-resources.js';
import { resourceFilters } from './resource-filters.js';

const nullable = { nullable: true, readOnly: true };
const readOnly = { readOnly: true };

const PROGRESS = {
  type: 'array',
  items: {
    title: 'ProgressReportResponse',
    type: 'object',
    properties: {
      message: { type: 'string' },
      code: { type: 'string' },
      state: { type: 'string' },
      total: { type: 'integer', nullable: true },
      done: { type: 'integer' },
      suffix: { type: 'string', nullable: true },
    },
  },
};

/** SQL of the key of the worker that runs or ran the task in a row, as long as it is known. */
export const workerOf = (task: string): string =>
  `(select w.id from app_status w where w.name = ${task}.worker and w.app_type in ('worker', 'standalone'))`;

const WORKER = workerOf('t');

/** Members that the short form shows. */
const MINIMAL_TASK = [
  'pulp_href',
  'prn',
  'pulp_created',
  'pulp_last_updated',
  'pulp_api_version',
  'name',
  'state',
  'unblocked_at',
  'started_at',
  'finished_at',
  'worker',
];

/** Tasks are seen by whoever started them, and by holders of the right on them. */
const taskScope: Scope = (facts, values) => {
  const keys = facts.keysWith('core.view_task', 'core.task');
  if (keys === 'all') return 'true';
  return `t.created_by = ${values.bind(String(facts.userId))} or t.id::text = any(${values.bind(keys)}::text[])`;
};

const own = (verb: string): Rule => [[on(`core.${verb}_task`)]];

const TASK_RULES: AccessRules = {
  actions: {
    list: 'authenticated',
    read: 'authenticated',
    cancel: own('change'),
    delete: own('delete'),
    purge: 'authenticated',
    list_roles: own('manage_roles'),
    add_role: own('manage_roles'),
    remove_role: own('manage_roles'),
    my_permissions: 'authenticated',
  },
  scope: taskScope,
};

/** Long work and how it went. */
export const TASKS: Resource = defineResource({
  model: 'core.task',
  tag: 'Tasks',
  schema: 'Task',
  fields: {
    ...baseFields('core.task'),
    pulp_api_version: constant('v3', { type: 'string' }),
    state: text('t.state', readOnly),
    name: text('t.name', readOnly),
    logging_cid: text('t.logging_cid', readOnly),
    created_by: href('auth.user', 't.created_by', nullable),
    unblocked_at: time('t.unblocked_at', { nullable: true }),
    started_at: time('t.started_at', { nullable: true }),
    finished_at: time('t.finished_at', { nullable: true }),
    error: anyObject('t.error', nullable),
    worker: href('core.worker', WORKER, nullable),
    parent_task: href('core.task', 't.parent_task_id', nullable),
    child_tasks: hrefs('core.task', `array(select c.id from task c where c.parent_task_id = t.id order by c.id)`),
    task_group: href('core.taskgroup', 't.task_group_id', nullable),
    progress_reports: derived('t.progress_reports', PROGRESS, (reports: unknown) => reports),
    created_resources: createdResources('t.created_resources'),
    created_resource_prns: prnsOfHrefs('t.created_resources'),
    reserved_resources_record: reservedResources('t.reserved_resources_record'),
    result: json('t.result', nullable),
  },
  filters: [
    choice('state', 't.state', TASK_STATES),
    ...textFilters('state', 't.state', ['in', 'ne']),
    ...textFilters('name', 't.name', ['exact', 'contains', 'in', 'ne']),
    ...textFilters('logging_cid', 't.logging_cid', ['exact', 'contains']),
    ...['pulp_created', 'started_at', 'finished_at', 'unblocked_at'].flatMap((name) => timeFilters(name)),
    hrefFilter('parent_task', 't.parent_task_id', 'core.task'),
    keysFilter(
      'child_tasks',
      ['core.task'],
      (keys) => `t.id in (select c.parent_task_id from task c where c.id = any(${keys}))`,
    ),
    hrefFilter('task_group', 't.task_group_id', 'core.taskgroup'),
    {
      name: 'created_resources',
      schema: { type: 'string' },
      description: 'Href of a resource that the task made.',
      compile: (raw, { values }) => `t.created_resources @> array[${values.bind(single(raw))}::text]`,
    },
    {
      name: 'worker',
      schema: { type: 'string' },
      description: 'Href of a worker; what is none has no tasks.',
      compile(raw, { values }) {
        const found = locate(single(raw));
        return found?.model === 'core.worker' && 'id' in found ? `${WORKER} = ${values.bind(found.id)}::uuid` : 'false';
      },
    },
    ...resourceFilters,
  ],
  ordering: {
    unblocked_at: 't.unblocked_at',
    started_at: 't.started_at',
    finished_at: 't.finished_at',
    reserved_resources_record: 't.reserved_resources_record',
    immediate: 't.immediate',
    ...ordersNothing('enc_args', 'enc_kwargs', 'versions', 'profile_options', 'deferred', 'pulp_api_version'),
  },
  minimal: MINIMAL_TASK,
  access: TASK_RULES,
});

/** Schema of a task in its short form. */
export const MINIMAL_TASK_SCHEMA: Schema = {
  title: 'MinimalTaskResponse',
  ...responseSchema(TASKS, MINIMAL_TASK),
};
