/** How long things may take, in milliseconds. */
export interface TaskTimings {
  /** A process that is silent for so long is gone. Heartbeats come three times as often. */
  readonly ttl: number;
  /** Between two looks for lost tasks and lost workers. */
  readonly sweep: number;
  /** How long a stopping worker lets its tasks run on. */
  readonly drain: number;
  /** How long an aborted handler may take to end before its task is ended without it. */
  readonly abortGrace: number;
  /** How long an immediate task may take. */
  readonly immediate: number;
}

/** The timings of the product: a lost worker is noticed within ttl + sweep. */
export const TASK_TIMINGS: TaskTimings = {
  ttl: 12_000,
  sweep: 3_000,
  drain: 30_000,
  abortGrace: 10_000,
  immediate: 5_000,
};

/** Injection token of {@link TaskTimings}. */
export const TIMINGS = Symbol('task timings');
