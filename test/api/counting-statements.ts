import { AbstractLogger, type DataSource, type LogLevel, type LogMessage } from 'typeorm';

/** Notes the statements that a data source sends; those of the process in the background do not count. */
export class CountingStatements {
  private readonly statements: string[] = [];

  constructor(source: DataSource) {
    const { statements } = this;
    class Noting extends AbstractLogger {
      override logQuery(query: string): void {
        if (!BACKGROUND.test(query)) statements.push(query);
      }

      protected writeLog(_level: LogLevel, _message: LogMessage | LogMessage[]): void {}
    }
    source.setOptions({ logging: ['query'] });
    source.logger = new Noting(['query']);
  }

  /** What was sent while the work was done. */
  async during(work: () => Promise<unknown>): Promise<readonly string[]> {
    this.statements.length = 0;
    await work();
    return [...this.statements];
  }
}

const BACKGROUND = /app_status|pgboss|bullmq|from task\s+where|update task|task_schedule|^(START|COMMIT|ROLLBACK)/i;
