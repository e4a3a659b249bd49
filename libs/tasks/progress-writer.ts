import type { DataSource } from 'typeorm';
import { log } from '#platform/logger.js';
import type { Progress } from './define-task.js';
import { storeProgress, type ClaimedTask, type Outcome } from './task-state.js';
import type { ProgressReport } from './task.entity.js';

const INTERVAL = 250;

/** Gathers what a run reports and writes it at most four times a second; what is left goes into the row's end. */
export class ProgressWriter {
  private readonly byCode = new Map<string, ProgressReport>();
  private readonly hrefs = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private last = 0;
  private closed = false;

  constructor(
    private readonly source: DataSource,
    private readonly task: Pick<ClaimedTask, 'id' | 'claim'>,
  ) {}

  report(progress: Progress): void {
    this.byCode.set(progress.code, { state: 'running', total: null, suffix: null, ...progress });
    this.schedule();
  }

  created(href: string): void {
    this.hrefs.add(href);
    this.schedule();
  }

  /** What the end of the row must hold; reports that still run take on `state`. */
  atEnd(state: Outcome['state']): Pick<Outcome, 'progress' | 'createdResources'> {
    const progress = [...this.byCode.values()].map((each) => (each.state === 'running' ? { ...each, state } : each));
    return { progress, createdResources: [...this.hrefs] };
  }

  /** Writes no more, once what is being written is there. */
  async close(): Promise<void> {
    this.abandon();
    await this.writing;
  }

  /** Writes no more. */
  abandon(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.closed || this.timer) return;
    this.timer = setTimeout(() => this.write(), Math.max(0, this.last + INTERVAL - Date.now()));
  }

  private write(): void {
    this.timer = undefined;
    this.last = Date.now();
    this.writing = this.writing
      .then(() => storeProgress(this.source, this.task, [...this.byCode.values()], [...this.hrefs]))
      // The next report or the end of the task writes the same again.
      .catch((error: unknown) => log('warn', 'progress could not be stored yet', { task: this.task.id, error }));
  }
}
