import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { TaskDispatcher, type DispatchedTask, type DispatchOptions } from '#tasks/dispatch.js';
import type { TaskDefinition, TaskHandler } from '#tasks/define-task.js';
import { Permissions } from '#access/permissions.js';
import { AccessDecisions } from './access/access-decisions.js';
import type { TakeFile } from './body/multipart.js';
import { readBody, readForm } from './body/read-body.js';
import { type MayName, validateBody } from './body/validate-body.js';
import type { RestContext } from './context.js';
import { noMatch } from './errors.js';
import type { ShowScope } from './fields.js';
import { rowsOf } from '#platform/database.js';
import { requireKeyOf } from './keys.js';
import { hrefTo, type ModelName } from './models.js';
import { KnownLists } from './known-lists.js';
import { GeneralTasks } from './writing/general-tasks.js';
import { pageOf, windowOf, type Page } from './paging.js';
import { listParameters, refuseUnknown, selectFields, SELECTION } from './query.js';
import type { BodyClass, Resource } from './resource.js';
import { listRows, readRow } from './select.js';
import { allOf, type SqlValues } from './sql.js';

/** A task as answers name it. */
export interface TaskAnswer {
  readonly task: string;
}

/** What controllers do with resources: list, read, take bodies, start tasks. */
@Injectable()
export class Rest {
  private readonly lists = new KnownLists();

  constructor(
    readonly source: DataSource,
    readonly decisions: AccessDecisions,
    readonly permissions: Permissions,
    readonly handlers: GeneralTasks,
    private readonly dispatcher: TaskDispatcher,
    @Inject(CONFIG) readonly config: HallmarkConfig,
  ) {}

  /** What fields may need beside their row. */
  get showScope(): ShowScope {
    return { publicHost: this.config.publicHost };
  }

  /** Milliseconds without a byte after which a body is refused. */
  get idleMs(): number {
    return this.config.idleTimeout * 1000;
  }

  /** A page of what the caller may see. */
  async list(context: RestContext, resource: Resource, within?: (values: SqlValues) => string): Promise<Page> {
    const { query } = context;
    refuseUnknown(query, listParameters(resource));
    const visible = await this.decisions.scopeOf(context, resource);
    const window = windowOf(query);
    const request = {
      query,
      window,
      fields: selectFields(resource, query),
      scope: (values: SqlValues) =>
        allOf([visible(values), within?.(values) ?? 'true'].filter((part) => part !== 'true')),
      visible: (model: ModelName) => this.decisions.visible(context, model),
    };
    const { results, count } = await listRows(this.source, resource, request, this.showScope, this.lists);
    return pageOf(results, count, window, this.config.publicUrl, context.url);
  }

  /** One resource, if the caller may see it. */
  async read(context: RestContext, resource: Resource, condition: (values: SqlValues) => string): Promise<object> {
    const { query } = context;
    refuseUnknown(query, [...SELECTION, ...(resource.minimal ? ['minimal'] : [])]);
    const visible = await this.decisions.scopeOf(context, resource);
    const both = (values: SqlValues) => allOf([condition(values), visible(values)].filter((part) => part !== 'true'));
    const row = await readRow(this.source, resource, both, selectFields(resource, query), this.showScope);
    if (!row) throw noMatch(resource.noun);
    return row;
  }

  /** One resource with all its members, whoever asks. */
  async show(resource: Resource, id: string | number, tx: EntityManager = this.source.manager): Promise<object> {
    const byKey = (values: SqlValues) => `t.id = ${values.bind(id)}`;
    const row = await readRow(tx, resource, byKey, Object.keys(resource.fields), this.showScope);
    if (!row) throw noMatch(resource.noun);
    return row;
  }

  /** Throws unless there is such a resource. */
  async demandExists(resource: Resource, id: string): Promise<void> {
    const key = requireKeyOf(resource, id);
    const sql = `select 1 from ${resource.from} where t.id = $1 and ${resource.where}`;
    if ((await rowsOf(this.source, sql, [key])).length === 0) throw noMatch(resource.noun);
  }

  /** The checked body of a request. */
  async body<Body extends object>(context: RestContext, type: BodyClass<Body>, partial = false): Promise<Body> {
    return this.checked(context, type, await readBody(context.request, this.idleMs), partial);
  }

  /** The checked body of a request that has a file in it. */
  async form<Body extends object, File>(
    context: RestContext,
    type: BodyClass<Body>,
    takeFile: TakeFile<File>,
  ): Promise<Body> {
    return this.checked(context, type, await readForm(context.request, this.idleMs, takeFile));
  }

  private checked<Body extends object>(
    context: RestContext,
    type: BodyClass<Body>,
    members: unknown,
    partial = false,
  ): Promise<Body> {
    const mayName: MayName = (located, unseen) => this.decisions.mayName(context, located, unseen);
    return validateBody(type, members, mayName, partial);
  }

  /** Starts a task that a worker runs. */
  async dispatch<Payload>(
    context: RestContext,
    task: TaskDefinition<Payload>,
    payload: Payload,
    options: DispatchOptions = {},
  ): Promise<TaskAnswer> {
    return taskAnswer(await this.dispatcher.dispatch(task, payload, { createdBy: context.userId, ...options }));
  }

  /** Runs a short task in this process, at once when nothing holds what it needs. */
  async runNow<Payload, Result>(
    context: RestContext,
    handler: TaskHandler<Payload, Result>,
    payload: Payload,
    options: DispatchOptions = {},
  ): Promise<TaskAnswer> {
    return taskAnswer(
      await this.dispatcher.runImmediately(handler, payload, { createdBy: context.userId, ...options }),
    );
  }
}

const taskAnswer = ({ id }: DispatchedTask): TaskAnswer => ({ task: hrefTo('core.task', id) });
