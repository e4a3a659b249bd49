import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { inTransaction, preparedIn, rowsOf } from '#platform/database.js';
import { newCorrelationId, newId } from '#platform/identifiers.js';
import { correlationId } from '#platform/logger.js';
import { cancelTask, type Cancellation } from './cancel.js';
import type { TaskDefinition, TaskHandler } from './define-task.js';
import { normalise, orderDispatch, recordOf, resourceColumns } from './reservations.js';
import { TaskQueue } from './task-queue.js';
import { TaskRunner } from './task-runner.js';
import { Task } from './task.entity.js';

/** What a task holds and where it belongs. */
export interface DispatchOptions {
  /** Hrefs or `pdrn:` names that no other task may hold meanwhile. */
  readonly exclusive?: readonly string[];
  /** Hrefs or `pdrn:` names that tasks may hold together with others that share. */
  readonly shared?: readonly string[];
  /** Id of the user. */
  readonly createdBy?: string | undefined;
  /** Id of the task group. */
  readonly group?: string | undefined;
  /** Id of the task that dispatches this one. */
  readonly parent?: string | undefined;
  /** Default: that of the running request or task. */
  readonly correlationId?: string | undefined;
}

/** A task that was written down; how it goes stands in its row. */
export type DispatchedTask = Pick<Task, 'id'>;

const DISPATCH = `
  with made as (
    insert into task (id, name, payload, logging_cid, created_by, task_group_id, parent_task_id, reserved_resources_record,
                      restartable, immediate, pulp_created)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp()) returning id, position)
  insert into task_resource (task_id, position, resource, exclusive)
  select made.id, made.position, held.resource, held.exclusive
    from made, unnest($11::text[], $12::boolean[]) as held(resource, exclusive)`;

/**
 * Writes a task and what it holds inside the caller's transaction. After the commit the caller wakes a worker with
 * {@link TaskQueue.wake}; if it dies in between, the sweeper does so within seconds.
 */
export async function dispatchTask<Payload>(
  tx: EntityManager,
  definition: TaskDefinition<Payload>,
  payload: Payload,
  options: DispatchOptions = {},
  immediate = false,
): Promise<DispatchedTask> {
  const wanted = normalise(options.exclusive, options.shared);
  await orderDispatch(tx, wanted);
  const id = newId();
  await preparedIn(tx, 'dispatch-task', DISPATCH, [
    id,
    definition.name,
    payload === null || payload === undefined ? null : JSON.stringify(payload),
    options.correlationId || correlationId() || newCorrelationId(),
    options.createdBy ?? null,
    options.group ?? null,
    options.parent ?? null,
    recordOf(wanted),
    definition.restartable,
    immediate,
    ...resourceColumns(wanted),
  ]);
  return { id };
}

/** Starts and cancels tasks from any process. */
@Injectable()
export class TaskDispatcher {
  constructor(
    private readonly source: DataSource,
    private readonly queue: TaskQueue,
    private readonly runner: TaskRunner,
  ) {}

  /** Dispatches a task in a transaction of its own; a worker runs it as soon as its resources are free. */
  async dispatch<Payload>(
    definition: TaskDefinition<Payload>,
    payload: Payload,
    options: DispatchOptions = {},
  ): Promise<DispatchedTask> {
    const task = await inTransaction(this.source, (tx) => dispatchTask(tx, definition, payload, options));
    await this.queue.wake([task.id]);
    return task;
  }

  /** Dispatches inside the caller's transaction; the caller runs `wake` after its commit. */
  async dispatchIn<Payload>(
    tx: EntityManager,
    definition: TaskDefinition<Payload>,
    payload: Payload,
    options: DispatchOptions = {},
  ): Promise<{ task: DispatchedTask; wake: () => Promise<void> }> {
    const task = await dispatchTask(tx, definition, payload, options);
    return { task, wake: () => this.queue.wake([task.id]) };
  }

  /**
   * Runs a short task in this process at once when nothing unfinished stands in its way and returns the ended row; else it
   * stays waiting for a worker, which must know the handler too.
   */
  async runImmediately<Payload, Result>(
    handler: TaskHandler<Payload, Result>,
    payload: Payload,
    options: DispatchOptions = {},
  ): Promise<Task> {
    const { task } = handler;
    const row = await inTransaction(this.source, (tx) => dispatchTask(tx, task, payload, options, true));
    await this.runner.start(row.id, () => handler as TaskHandler, true);
    const now = await this.source.manager.findOneByOrFail(Task, { id: row.id });
    if (now.state === 'waiting') await this.queue.wake([now.id]);
    return now;
  }

  /** Cancels a waiting task at once, tells a running one to stop, and leaves an ended one as it is. */
  cancel(id: string, reason?: string): Promise<Cancellation> {
    return cancelTask(this.source, this.queue, id, reason);
  }

  /** Cancels all unfinished tasks of a group; returns how many. */
  async cancelGroup(group: string, reason?: string): Promise<number> {
    const rows = await rowsOf<{ id: string }>(
      this.source,
      `select id from task where task_group_id = $1 and state in ('waiting', 'running') order by position desc`,
      [group],
    );
    for (const { id } of rows) await this.cancel(id, reason);
    return rows.length;
  }
}
