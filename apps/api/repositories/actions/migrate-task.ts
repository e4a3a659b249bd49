import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { announce } from '#platform/change-feed.js';
import { rowsOf } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { concludingTransaction } from '#tasks/concluding-transaction.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import { hrefTo } from '../../rest/models.js';
import { readRow } from '../../rest/select.js';
import { REPOSITORIES } from '../repositories.resource.js';

/** The push repository that becomes a container repository. */
export interface MigratePayload {
  readonly repositoryId: string;
}

const MIGRATE = defineTask<MigratePayload, object>({
  name: 'pulp_container.app.tasks.migrate_push_repository.migrate_push_repository',
});

/** Turns a push repository into a container repository; its key, versions and distributions stay. */
@Injectable()
export class MigrateRepository implements TaskHandler<MigratePayload, object> {
  readonly task = MIGRATE;

  constructor(
    private readonly source: DataSource,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  async run({ repositoryId }: MigratePayload, context: TaskContext): Promise<object> {
    return concludingTransaction(this.source, context, async (tx) => {
      const changed = await rowsOf(
        tx,
        `update repository set type = 'container', pulp_last_updated = now() where id = $1 returning id`,
        [repositoryId],
      );
      if (changed.length === 0) throw notFound('The repository does not exist any more.');
      await tx.query(
        `update role_assignment set content_object = 'container.containerrepository:' || $1
          where content_object = 'container.containerpushrepository:' || $1`,
        [repositoryId],
      );
      await announce(tx, 'repository', repositoryId);
      context.createdResource(hrefTo('container.containerrepository', repositoryId));
      const fields = Object.keys(REPOSITORIES.fields);
      const show = { publicHost: this.config.publicHost };
      return (await readRow(tx, REPOSITORIES, (values) => `t.id = ${values.bind(repositoryId)}`, fields, show)) ?? {};
    });
  }
}
