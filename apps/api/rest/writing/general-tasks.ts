import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { runCreationHooks } from '#access/creation-hooks.js';
import type { Principal } from '#access/principal.js';
import { forgetObjects } from '#access/role-assignments.js';
import { objectKey } from '#access/permission-names.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { inTransaction } from '#platform/database.js';
import { concludingTransaction } from '#tasks/concluding-transaction.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { policyName } from '../access/policies/statements.js';
import { refusedChange } from '../constraints.js';
import { hrefTo, type ModelName } from '../models.js';
import type { Resource } from '../resource.js';
import { readRow } from '../select.js';
import type { Columns, Writer } from './writer.js';
import { writerOf } from './writers.js';

/** What is made. */
export interface CreatePayload {
  readonly model: ModelName;
  readonly columns: Columns;
  readonly maker: Principal;
}

/** What is changed. */
export interface UpdatePayload {
  readonly model: ModelName;
  readonly id: string;
  readonly columns: Columns;
}

/** What is taken away. */
export interface DeletePayload {
  readonly model: ModelName;
  readonly id: string;
}

const CREATE = defineTask<CreatePayload, object>({ name: 'pulpcore.app.tasks.base.general_create' });
const UPDATE = defineTask<UpdatePayload, object>({ name: 'pulpcore.app.tasks.base.ageneral_update' });
const DELETE = defineTask<DeletePayload, null>({ name: 'pulpcore.app.tasks.base.general_multi_delete' });

/** Makes an object and gives its maker the role on it. */
export async function createObject(
  tx: EntityManager,
  writer: Writer,
  columns: Columns,
  maker: Principal,
): Promise<string> {
  const id = await writer.create(tx, columns, maker);
  await ownNew(tx, writer.resource, id, maker);
  return id;
}

/** Gives the roles on an object that was just made: the owner's to its maker, or what its edited policy says. */
export async function ownNew(tx: EntityManager, resource: Resource, id: string, maker: Principal): Promise<void> {
  const { model, access } = resource;
  const made = { objectKey: objectKey(model, id), viewsetName: policyName(resource), ownerRole: access.ownerRole };
  await runCreationHooks(tx, made, maker);
}

/** Takes an object away, with the roles that were given on it and on what went with it. */
export async function deleteObject(tx: EntityManager, writer: Writer, id: string): Promise<void> {
  const gone = await writer.remove(tx, id);
  await forgetObjects(
    tx,
    gone.map((each) => objectKey(each.model, each.id)),
  );
}

async function shown(tx: EntityManager, writer: Writer, id: string, config: HallmarkConfig): Promise<object> {
  const { resource } = writer;
  const byKey = (values: { bind(value: unknown): string }) => `t.id = ${values.bind(id)}`;
  const row = await readRow(tx, resource, byKey, Object.keys(resource.fields), { publicHost: config.publicHost });
  return row ?? {};
}

function sayRefused(error: unknown): never {
  throw refusedChange(error) ?? error;
}

/** Makes one object of any model. */
@Injectable()
export class GeneralCreate implements TaskHandler<CreatePayload, object> {
  readonly task = CREATE;

  constructor(
    private readonly source: DataSource,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  async run({ model, columns, maker }: CreatePayload, context: TaskContext): Promise<object> {
    const writer = writerOf(model);
    return inTransaction(this.source, async (tx) => {
      await context.fence(tx);
      const id = await createObject(tx, writer, columns, maker);
      return context.conclude(tx, await shown(tx, writer, id, this.config), [hrefTo(model, id)]);
    }).catch(sayRefused);
  }
}

/** Changes one object of any model. */
@Injectable()
export class GeneralUpdate implements TaskHandler<UpdatePayload, object> {
  readonly task = UPDATE;

  constructor(
    private readonly source: DataSource,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  async run({ model, id, columns }: UpdatePayload, context: TaskContext): Promise<object> {
    const writer = writerOf(model);
    return concludingTransaction(this.source, context, async (tx) => {
      await writer.update(tx, id, columns);
      return shown(tx, writer, id, this.config);
    }).catch(sayRefused);
  }
}

/** Takes one object of any model away. */
@Injectable()
export class GeneralDelete implements TaskHandler<DeletePayload, null> {
  readonly task = DELETE;

  constructor(private readonly source: DataSource) {}

  async run({ model, id }: DeletePayload, context: TaskContext): Promise<null> {
    return concludingTransaction(this.source, context, async (tx) => {
      await deleteObject(tx, writerOf(model), id);
      return null;
    }).catch(sayRefused);
  }
}

/** The three, for whoever runs them at once. */
@Injectable()
export class GeneralTasks {
  constructor(
    readonly create: GeneralCreate,
    readonly update: GeneralUpdate,
    readonly remove: GeneralDelete,
  ) {}
}
