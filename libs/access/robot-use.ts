import type { DataSource } from 'typeorm';
import { log } from '#platform/logger.js';

const FLUSH_MS = 30_000;

/** Remembers when robots were last used and writes it in batches, so that a pull never waits for a write. */
export class RobotUse {
  private pending = new Map<string, Date>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly source: DataSource) {}

  /** Notes that a robot signed in just now. */
  note(id: string): void {
    this.pending.set(id, new Date());
    this.timer ??= setTimeout(() => {
      this.flush().catch((error: unknown) => log('warn', 'could not write when robots were used', { error }));
    }, FLUSH_MS).unref();
  }

  /** Writes what was noted. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const batch = this.pending;
    if (batch.size === 0) return;
    this.pending = new Map();
    await this.source.query(
      `update robot_account r set last_used = greatest(r.last_used, u.at)
         from unnest($1::uuid[], $2::timestamptz[]) as u(id, at) where r.id = u.id`,
      [[...batch.keys()], [...batch.values()]],
    );
  }
}
