import type { DataSource, EntityManager } from 'typeorm';
import type { MadeVersion, UnitRef } from '#content/versions/apply-change.js';
import { rowsOf } from '#platform/database.js';
import { concludingTransaction } from '#tasks/concluding-transaction.js';
import type { TaskContext } from '#tasks/define-task.js';
import { readRow } from '../../rest/select.js';
import type { SqlValues } from '../../rest/sql.js';
import { ALL_VERSIONS } from '../versions.resource.js';

/** Runs a change of a repository in one transaction; the task shows the version that it made. */
export async function changeRepository(
  source: DataSource,
  context: TaskContext,
  change: (tx: EntityManager) => Promise<MadeVersion | undefined>,
): Promise<object | null> {
  return concludingTransaction(source, context, async (tx) => {
    const version = await change(tx);
    if (!version) return null;
    const byKey = (values: SqlValues) => `t.id = ${values.bind(version.id)}`;
    const shown = await readRow(tx, ALL_VERSIONS, byKey, Object.keys(ALL_VERSIONS.fields), { publicHost: '' });
    if (!shown) return null;
    context.createdResource(shown['pulp_href'] as string);
    return shown;
  });
}

/** Units of the newest version that are among these. */
export async function membersAmong(
  tx: EntityManager,
  repositoryId: string,
  ids: readonly string[],
): Promise<UnitRef[]> {
  return rowsOf<UnitRef>(
    tx,
    `select unit_id as id, kind, tag_name as "tagName" from membership
      where repository_id = $1 and removed_in is null and unit_id = any($2::uuid[])`,
    [repositoryId, ids],
  );
}
