import { TaskDispatcher } from '#tasks/dispatch.js';
import { Context, type RestContext } from '../rest/context.js';
import { badField, withBody } from '../rest/errors.js';
import { requireKeyOf } from '../rest/keys.js';
import { DeleteRoute, PatchRoute, PostRoute } from '../rest/operation.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { PurgeBody, TaskCancelBody } from './dto/task.body.js';
import { deleteTask, PurgeTasks } from './task-actions.js';
import { TASKS } from './tasks.resource.js';

const MONTH = 30 * 24 * 3600 * 1000;

/** Refuses every state but the one that can be asked for. */
export function requireCanceled({ state }: TaskCancelBody): void {
  if (state !== 'canceled') throw badField('state', "The only acceptable value for 'state' is 'canceled'.");
}

/** Long work: how it goes, and ending it. */
@ResourceController(TASKS, LIST, READ, ROLES)
export class TasksController extends RestHost {
  constructor(
    private readonly dispatcher: TaskDispatcher,
    private readonly purging: PurgeTasks,
  ) {
    super();
  }

  @PatchRoute(':id', {
    action: 'cancel',
    id: 'tasks_cancel',
    summary: 'Cancel a task',
    body: { schema: 'PatchedTaskCancel', of: TaskCancelBody, partial: true },
    answers: { 200: 'resource', 409: 'resource' },
  })
  async cancel(@Context() context: RestContext): Promise<object> {
    const id = requireKeyOf(TASKS, context.param('id'));
    requireCanceled(await this.rest.body(context, TaskCancelBody));
    const { accepted } = await this.dispatcher.cancel(id);
    const task = await this.rest.show(TASKS, id);
    if (accepted) return task;
    throw withBody('conflict', task, 'The task has ended.');
  }

  @DeleteRoute(':id', { action: 'delete', summary: 'Delete', answers: { 204: 'empty', 409: 'empty' } })
  async delete(@Context() context: RestContext): Promise<void> {
    const id = requireKeyOf(TASKS, context.param('id'));
    await this.rest.demandExists(TASKS, id);
    if (!(await deleteTask(this.rest.source, id))) void context.reply.status(409);
  }

  @PostRoute('purge', {
    action: 'purge',
    id: 'tasks_purge',
    summary: 'Purge completed tasks',
    body: { schema: 'Purge', of: PurgeBody },
    answers: { 202: 'task' },
  })
  async purge(@Context() context: RestContext) {
    const { finished_before, states } = await this.rest.body(context, PurgeBody);
    const finishedBefore = finished_before ?? new Date(Date.now() - MONTH).toISOString();
    const held = await this.rest.permissions.permissionsOf(context.principal);
    const createdBy = held.has('core.delete_task') ? null : (context.userId ?? '');
    return this.rest.dispatch(context, this.purging.task, { finishedBefore, states, createdBy });
  }
}
