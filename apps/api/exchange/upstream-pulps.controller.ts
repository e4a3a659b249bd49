import { TaskDispatcher } from '#tasks/dispatch.js';
import { TaskGroup } from '#tasks/task-group.entity.js';
import { newId } from '#platform/identifiers.js';
import { Context, type RestContext } from '../rest/context.js';
import { requireKeyOf } from '../rest/keys.js';
import { hrefTo, prnOf } from '../rest/models.js';
import { PostRoute } from '../rest/operation.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { creating, type Writing } from '../rest/standard/writing.js';
import { deletingAtOnce, updatingAtOnce } from '../rest/standard/writing-at-once.js';
import { insertRow, updateRow } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { ReplicateTask } from './replicate-task.js';
import { ReplicateBody, UPSTREAM_PULPS, UpstreamPulpBody } from './upstream-pulps.resource.js';

const WRITER = registerWriter({
  resource: UPSTREAM_PULPS,
  create: (tx, columns) => insertRow(tx, 'upstream_pulp', columns),
  update: (tx, id, columns) => updateRow(tx, 'upstream_pulp', id, columns),
  remove: async (tx, id) => {
    await tx.query('delete from upstream_pulp where id = $1', [id]);
    return [{ model: 'core.upstreampulp', id }];
  },
});

const WRITING: Writing<UpstreamPulpBody> = {
  writer: WRITER,
  body: UpstreamPulpBody,
  unique: ['name'],
  columns: (body) => Object.fromEntries(Object.entries(body)),
};

/** Other installations whose distributions are mirrored here. */
@ResourceController(
  UPSTREAM_PULPS,
  LIST,
  READ,
  creating(WRITING),
  updatingAtOnce(WRITING),
  deletingAtOnce(WRITER),
  ROLES,
)
export class UpstreamPulpsController extends RestHost {
  constructor(
    private readonly replicating: ReplicateTask,
    private readonly dispatcher: TaskDispatcher,
  ) {
    super();
  }

  @PostRoute(':id/replicate', {
    action: 'replicate',
    summary: 'Replicate',
    body: { schema: 'UpstreamPulpReplicate', of: ReplicateBody },
    answers: { 202: 'task-group' },
  })
  async replicate(@Context() context: RestContext): Promise<object> {
    const serverId = requireKeyOf(UPSTREAM_PULPS, context.param('id'));
    const { name } = (await this.rest.show(UPSTREAM_PULPS, serverId)) as { name: string };
    const { q_select } = await this.rest.body(context, ReplicateBody);
    const group = newId();
    const payload = { serverId, group, select: q_select ?? null, createdBy: context.userId ?? null };
    const { wake } = await this.rest.source.transaction(async (tx) => {
      await tx.insert(TaskGroup, { id: group, description: `Replication of ${name}` });
      return this.dispatcher.dispatchIn(tx, this.replicating.task, payload, {
        group,
        createdBy: context.userId,
        exclusive: ['pdrn:default:servers'],
        shared: [prnOf('core.upstreampulp', serverId)],
      });
    });
    await wake();
    return { task_group: hrefTo('core.taskgroup', group) };
  }
}
