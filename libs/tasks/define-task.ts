import type { EntityManager } from 'typeorm';
import { DomainError } from '#platform/domain-error.js';
import type { LogLevel } from '#platform/logger.js';
import type { ProgressReport } from './task.entity.js';

/** What API and worker both know of a kind of task. `Payload` and `Result` must be JSON. */
export interface TaskDefinition<Payload = unknown, Result = unknown> {
  /** The name that clients read, as `pulp_container.app.tasks.sign.sign`. */
  readonly name: string;
  /** How often a failure of infrastructure is tried again in the same run; domain errors never are. */
  readonly retries: number;
  /** After so many seconds the task is aborted and fails; 0: no limit. */
  readonly timeoutSeconds: number;
  /** It may be run again from the start when its worker is gone. */
  readonly restartable: boolean;
  /** Never set: it keeps the payload's type in the constant. */
  readonly payloadType?: Payload;
  /** Never set: it keeps the result's type in the constant. */
  readonly resultType?: Result;
}

/** What a handler says of its progress; left out are: running, no total, no suffix. */
export type Progress = Pick<ProgressReport, 'message' | 'code' | 'done'> &
  Partial<Pick<ProgressReport, 'state' | 'total' | 'suffix'>>;

/** What a running handler is given. */
export interface TaskContext {
  readonly taskId: string;
  /** Aborts when the task is cancelled, too slow, lost to another worker, or its process stops. */
  readonly signal: AbortSignal;
  /** Replaces the report with this code; rows are written at most four times a second and at the end. */
  readonly progress: (report: Progress) => void;
  /** Adds an href to `created_resources`. */
  readonly createdResource: (href: string) => void;
  /** Writes a log line that names the task. */
  readonly log: (level: Exclude<LogLevel, 'silent'>, message: string, fields?: Record<string, unknown>) => void;
  /**
   * Call it inside the transaction that stores the outcome: it throws when the task was cancelled or went to another
   * worker, and otherwise nobody can take it away until the transaction ends.
   */
  readonly fence: (tx: EntityManager) => Promise<void>;
  /**
   * Ends the task inside the transaction that stores its outcome, so that no worker can die between the two. Call it last,
   * when all was reported; what the transaction stored before is fenced too. A {@link TaskFailure} ends it as failed.
   * `created` are hrefs that another attempt at the transaction would not make again. Returns what it was given.
   */
  readonly conclude: <Outcome>(tx: EntityManager, outcome: Outcome, created?: readonly string[]) => Promise<Outcome>;
}

/**
 * How a kind of task is done. `run` must be safe to repeat, for a worker may die at any time: what has an outcome of its own
 * ends by {@link TaskContext.conclude}, and what goes step by step finds what is left to do.
 */
export interface TaskHandler<Payload = unknown, Result = unknown> {
  readonly task: TaskDefinition<Payload, Result>;
  run(payload: Payload, context: TaskContext): Promise<Result>;
}

/** Defines a kind of task: by default no retries, no time limit, run again when its worker is gone. */
export function defineTask<Payload, Result = unknown>(
  options: Pick<TaskDefinition, 'name'> & Partial<Pick<TaskDefinition, 'retries' | 'timeoutSeconds' | 'restartable'>>,
): TaskDefinition<Payload, Result> {
  return Object.freeze({ retries: 0, timeoutSeconds: 0, restartable: true, ...options });
}

/** A task that failed in part: the error is shown, and the result says what was done all the same. */
export class TaskFailure extends DomainError {
  constructor(
    code: string,
    message: string,
    readonly result: unknown,
  ) {
    super('invalid', code, message);
  }
}
