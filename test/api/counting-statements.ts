import { AbstractLogger, type DataSource, type LogLevel, type LogMessage } from 'typeorm';

/** What was sent. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Notes the statements that a data source sends; those of the process in the background do not count. */
export class CountingStatements {
  private readonly statements: Statement[] = [];

  constructor(source: DataSource) {
    const { statements } = this;
    class Noting extends AbstractLogger {
      override logQuery(text: string, values: readonly unknown[] = []): void {
        if (!BACKGROUND.test(text)) statements.push({ text, values });
      }

      protected writeLog(_level: LogLevel, _message: LogMessage | LogMessage[]): void {}
    }
    source.setOptions({ logging: ['query'] });
    source.logger = new Noting(['query']);
  }

  /** What was sent while the work was done. */
  async during(work: () => Promise<unknown>): Promise<readonly Statement[]> {
    this.statements.length = 0;
    await work();
    return [...this.statements];
  }
}

const BACKGROUND = /app_status|pgboss|bullmq|from task\s+where|update task|task_schedule|^(START|COMMIT|ROLLBACK)/i;
