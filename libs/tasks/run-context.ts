import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction } from '#platform/database.js';
import { isDomainError, messageOf } from '#platform/domain-error.js';
import { log } from '#platform/logger.js';
import { TaskFailure, type Progress, type TaskContext } from './define-task.js';
import { ProgressWriter } from './progress-writer.js';
import { canceled, lost } from './stop-reasons.js';
import { finishTask, holdsTask, type ClaimedTask, type EndedTask, type Outcome } from './task-state.js';
import { Task, type TaskError } from './task.entity.js';

/** How a run ended, without what it reported. */
export type Ending = Pick<Outcome, 'state' | 'result' | 'error'>;

/** What one run of a task is given, and how that run ends. */
export class RunContext implements TaskContext {
  readonly taskId: string;
  private readonly writer: ProgressWriter;
  /** The end that the handler stored with its work. Whether that was committed only its row can tell. */
  private concluded: EndedTask | undefined;

  constructor(
    private readonly source: DataSource,
    private readonly task: ClaimedTask,
    readonly signal: AbortSignal,
  ) {
    this.taskId = task.id;
    this.writer = new ProgressWriter(source, task);
  }

  readonly progress = (report: Progress): void => this.writer.report(report);
  readonly createdResource = (href: string): void => this.writer.created(href);
  readonly log: TaskContext['log'] = (level, message, fields = {}) =>
    log(level, message, { task: this.task.id, name: this.task.name, ...fields });

  readonly fence = async (tx: EntityManager): Promise<void> => {
    if (await holdsTask(tx, this.task)) return;
    const [row] = (await tx.query('select claim from task where id = $1', [this.task.id])) as Partial<ClaimedTask>[];
    throw row?.claim === this.task.claim ? canceled() : lost();
  };

  readonly conclude: TaskContext['conclude'] = async (tx, outcome, created = []) => {
    await this.fence(tx);
    const ending: Ending =
      outcome instanceof TaskFailure ? failureOf(outcome, this.task) : { state: 'completed', result: outcome };
    const { progress, createdResources } = this.writer.atEnd(ending.state);
    const all = { progress, createdResources: [...createdResources, ...created] };
    this.concluded = await finishTask(tx, this.task, { ...ending, ...all });
    return outcome;
  };

  /** Stores how the run ended, unless its work did. Undefined: the task is not this run's any more. */
  async finish(ending: Ending): Promise<EndedTask | undefined> {
    if (this.concluded && ending.state === 'completed') return this.concluded;
    await this.writer.close();
    const outcome = { ...ending, ...this.writer.atEnd(ending.state) };
    const ended = await inTransaction(this.source, (tx) => finishTask(tx, this.task, outcome));
    return ended ?? (await this.committedEnd());
  }

  /** The end that the work stored, when it was committed although its handler threw. */
  private async committedEnd(): Promise<EndedTask | undefined> {
    if (!this.concluded) return undefined;
    const isThere = await this.source.manager.existsBy(Task, { id: this.task.id, state: this.concluded.state });
    return isThere ? this.concluded : undefined;
  }

  /** Reports no more. */
  abandon(): void {
    this.writer.abandon();
  }
}

/** What a row says of a run that threw. */
export function failureOf(error: unknown, task: Pick<ClaimedTask, 'id' | 'name'>): Ending {
  const result = error instanceof TaskFailure ? { result: error.result } : {};
  return { state: 'failed', error: errorOf(error, task), ...result };
}

function errorOf(error: unknown, task: Pick<ClaimedTask, 'id' | 'name'>): TaskError {
  if (isDomainError(error)) return { description: error.message, traceback: null, error_code: error.code };
  log('error', 'a task failed for a reason that it did not expect', { task: task.id, name: task.name, error });
  return { description: messageOf(error), traceback: (error instanceof Error && error.stack) || null };
}
