import { Injectable } from '@nestjs/common';
import { shutdown, type TaskStopped } from './stop-reasons.js';

/** The tasks that run in this process, each with the way to stop it. */
@Injectable()
export class RunningTasks {
  private readonly controllers = new Map<string, AbortController>();
  private readonly claimed = new Set<string>();
  private readonly waiters = new Set<() => void>();
  private accepting = true;

  /** Makes room for a task before it is claimed, so that no cancellation is missed; nothing when the process stops. */
  open(id: string): AbortController | undefined {
    if (!this.accepting || this.controllers.has(id)) return undefined;
    const controller = new AbortController();
    this.controllers.set(id, controller);
    return controller;
  }

  /** Notes that the opened task is ours now. */
  markClaimed(id: string): void {
    this.claimed.add(id);
  }

  /** Ids of the tasks whose rows must name this process. */
  get claimedIds(): string[] {
    return [...this.claimed];
  }

  /** Forgets a task that ended or could not be claimed. */
  close(id: string): void {
    this.controllers.delete(id);
    this.claimed.delete(id);
    if (this.controllers.size > 0) return;
    for (const wake of this.waiters) wake();
    this.waiters.clear();
  }

  /** Ids of all tasks that are opened here. */
  get ids(): string[] {
    return [...this.controllers.keys()];
  }

  /** False once the process stops: tasks are left to others. */
  get accepts(): boolean {
    return this.accepting;
  }

  /** Tells a task to stop, when it runs here. */
  abort(id: string, reason: TaskStopped): void {
    this.controllers.get(id)?.abort(reason);
  }

  /** Takes no more tasks, lets those that run go on for so many milliseconds, then aborts them and waits for their end. */
  async drain(milliseconds: number): Promise<void> {
    this.accepting = false;
    const timer = setTimeout(() => {
      for (const id of this.ids) this.abort(id, shutdown());
    }, milliseconds);
    await this.idle();
    clearTimeout(timer);
  }

  private async idle(): Promise<void> {
    if (this.controllers.size > 0) await new Promise<void>((done) => this.waiters.add(done));
  }
}
