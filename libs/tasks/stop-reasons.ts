import type { TaskError } from './task.entity.js';

/** Why a running handler is told to stop; the reason of its {@link AbortSignal}. */
export class TaskStopped extends Error {
  override readonly name = 'TaskStopped';

  constructor(
    readonly why: 'canceled' | 'lost' | 'shutdown' | 'timeout',
    message: string,
    /** What the row says when the stop decides how the task ends. */
    readonly error?: TaskError,
  ) {
    super(message);
  }
}

/** Somebody cancelled it. */
export const canceled = () => new TaskStopped('canceled', 'the task was cancelled');

/** The task went to another worker, or was ended, while this process was not heard of. */
export const lost = () => new TaskStopped('lost', 'the task was taken from this worker');

/** The process stops. */
export const shutdown = () =>
  new TaskStopped('shutdown', 'the worker stops', { reason: 'Aborted during worker shutdown.' });

/** The task took too long. */
export const timedOut = (milliseconds: number, taskId: string, immediate: boolean) => {
  const seconds = milliseconds / 1000;
  const text = immediate
    ? { description: `Immediate task ${taskId} timed out after ${seconds} seconds.`, error_code: 'PLP0024' }
    : { description: `The task took longer than the ${seconds} seconds that it may take.` };
  return new TaskStopped('timeout', text.description, { ...text, traceback: null });
};
