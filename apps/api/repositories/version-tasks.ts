import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { deleteVersion } from '#content/versions/delete-version.js';
import { concludingTransaction } from '#tasks/concluding-transaction.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';

/** Which version goes. */
export interface DeleteVersionPayload {
  readonly repositoryId: string;
  readonly number: number;
}

/** {@link DeleteVersion} as it is dispatched. */
export const DELETE_VERSION = defineTask<DeleteVersionPayload, null>({
  name: 'pulpcore.app.tasks.repository.delete_version',
});

/** Deletes a version; later ones keep their content. */
@Injectable()
export class DeleteVersion implements TaskHandler<DeleteVersionPayload, null> {
  readonly task = DELETE_VERSION;

  constructor(private readonly source: DataSource) {}

  async run({ repositoryId, number }: DeleteVersionPayload, context: TaskContext): Promise<null> {
    return concludingTransaction(this.source, context, async (tx) => {
      await deleteVersion(tx, repositoryId, number);
      return null;
    });
  }
}
