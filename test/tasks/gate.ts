import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';

/** A handler whose runs start and end when the test says, and which writes down the order. */
export class Gate implements TaskHandler<string, string> {
  readonly task = defineTask<string, string>({ name: 'test.gate' });
  readonly events: string[] = [];
  private readonly opened = new Map<string, () => void>();
  private readonly open = new Set<string>();

  async run(key: string, { signal }: Pick<TaskContext, 'signal'>): Promise<string> {
    this.events.push(`start ${key}`);
    await new Promise<void>((done, fail) => {
      if (this.open.has(key)) return done();
      this.opened.set(key, done);
      signal.addEventListener('abort', () => fail(signal.reason as Error));
    });
    this.events.push(`end ${key}`);
    return key;
  }

  /** Lets runs with these keys end, now and later. */
  release(...keys: string[]): void {
    for (const key of keys) {
      this.open.add(key);
      this.opened.get(key)?.();
    }
  }

  /** Waits until the run with this key has started. */
  async started(key: string): Promise<void> {
    for (const end = Date.now() + 20_000; !this.events.includes(`start ${key}`);) {
      if (Date.now() > end) throw new Error(`${key} did not start; seen: ${this.events.join(', ')}`);
      await new Promise((done) => setTimeout(done, 5));
    }
  }

  /** True when the run with this key has started. */
  hasStarted(key: string): boolean {
    return this.events.includes(`start ${key}`);
  }
}

/** Long enough for a worker to start something that it should not. */
export const aWhile = () => new Promise((done) => setTimeout(done, 250));
