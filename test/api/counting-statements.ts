import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { poolOf } from '#platform/database.js';

/** What was sent. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Notes the statements that a data source sends; those of the process in the background do not count. */
export class CountingStatements {
  private readonly statements: Statement[] = [];

  constructor(source: DataSource) {
    const known = new WeakSet<pg.PoolClient>();
    poolOf(source).on('acquire', (client) => {
      if (known.has(client)) return;
      known.add(client);
      this.listen(client);
    });
  }

  private listen(client: pg.PoolClient): void {
    const send = client.query.bind(client) as (...given: unknown[]) => unknown;
    const noting = (...given: unknown[]): unknown => {
      const [first, second] = given;
      const { text, values } = typeof first === 'string' ? { text: first, values: second } : (first as pg.QueryConfig);
      if (!BACKGROUND.test(text)) this.statements.push({ text, values: Array.isArray(values) ? values : [] });
      return send(...given);
    };
    Object.assign(client, { query: noting });
  }

  /** What was sent while the work was done. */
  async during(work: () => Promise<unknown>): Promise<readonly Statement[]> {
    this.statements.length = 0;
    await work();
    return [...this.statements];
  }
}

const BACKGROUND = /app_status|pgboss|bullmq|from task\s+where|update task|task_schedule|^(START|COMMIT|ROLLBACK)/i;
