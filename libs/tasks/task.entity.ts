import { Column, Entity, Generated, Index } from 'typeorm';
import { ResourceEntity } from '#platform/base.entity.js';

/** All states of a task, in the words of the REST API. */
export const TASK_STATES = ['waiting', 'running', 'completed', 'failed', 'canceling', 'canceled', 'skipped'] as const;
/** Where a task stands. */
export type TaskState = (typeof TASK_STATES)[number];

/** States that a task never leaves. */
export const FINAL_STATES: readonly TaskState[] = ['completed', 'failed', 'canceled', 'skipped'];

/** Why a task did not complete: a failure has a description, a loss or a cancellation has a reason. */
export type TaskError =
  | { readonly description: string; readonly traceback: string | null; readonly error_code?: string }
  | { readonly reason: string };

/** One line of progress as clients read it. `total` is null when it is not known. */
export interface ProgressReport {
  readonly message: string;
  readonly code: string;
  readonly state: 'waiting' | 'running' | 'completed' | 'failed' | 'canceled' | 'skipped';
  readonly total: number | null;
  readonly done: number;
  readonly suffix: string | null;
}

/** A piece of long work. The row is the truth about it; a queue job only wakes somebody who may start it. */
@Entity('task')
@Index(['state', 'position'])
export class Task extends ResourceEntity {
  /** Order of dispatch: among tasks that share a resource it is also the order of their commits. */
  @Column('bigint')
  @Generated('increment')
  @Index({ unique: true })
  position: number;

  @Column('text')
  @Index()
  name: string;

  @Column('text', { default: 'waiting' })
  state: TaskState;

  @Column('text', { name: 'logging_cid' })
  @Index()
  loggingCid: string;

  /** Id of the user who asked for it. */
  @Column('text', { name: 'created_by', nullable: true })
  createdBy: string | null;

  @Column('uuid', { name: 'parent_task_id', nullable: true })
  @Index()
  parentTaskId: string | null;

  @Column('uuid', { name: 'task_group_id', nullable: true })
  @Index()
  taskGroupId: string | null;

  @Column('jsonb', { nullable: true })
  payload: unknown;

  @Column('jsonb', { nullable: true })
  result: unknown;

  @Column('jsonb', { nullable: true })
  error: TaskError | null;

  @Column('jsonb', { name: 'progress_reports', default: [] })
  progressReports: ProgressReport[];

  @Column('text', { name: 'created_resources', array: true, default: [] })
  createdResources: string[];

  /** What it holds, as clients read it: shared resources begin with `shared:`. Kept after the end. */
  @Column('text', { name: 'reserved_resources_record', array: true, default: [] })
  reservedResourcesRecord: string[];

  /** It was meant to run in the process that dispatched it. */
  @Column('boolean', { default: false })
  immediate: boolean;

  /** It may be run again when its worker is gone. */
  @Column('boolean', { default: true })
  restartable: boolean;

  /** How often it was started. */
  @Column('int', { default: 0 })
  attempts: number;

  /** Name of the process that runs it, see {@link AppStatus}. */
  @Column('text', { nullable: true })
  @Index()
  worker: string | null;

  /** Token of the run that owns the row; another run gets another, so a lost run can tell. */
  @Column('uuid', { nullable: true })
  claim: string | null;

  /** When the sweeper last put it into the queue again. */
  @Column('timestamptz', { name: 'enqueued_at', nullable: true })
  enqueuedAt: Date | null;

  @Column('timestamptz', { name: 'unblocked_at', nullable: true })
  unblockedAt: Date | null;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  @Index()
  finishedAt: Date | null;
}
