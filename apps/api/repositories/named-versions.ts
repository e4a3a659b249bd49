import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { badField } from '../rest/errors.js';
import type { Located } from '../rest/models.js';

/** A repository version that a body names. */
export interface NamedVersion {
  readonly id: string;
  readonly repositoryId: string;
  readonly number: number;
  readonly repositoryType: string;
}

/** Finds the version that a member of a body names. */
export async function namedVersion(
  source: DataSource | EntityManager,
  located: Located,
  field: string,
): Promise<NamedVersion> {
  const select = `select v.id, v.repository_id as "repositoryId", v.number, r.type as "repositoryType"
    from repository_version v join repository r on r.id = v.repository_id`;
  const [row] =
    'id' in located
      ? await rowsOf<NamedVersion>(source, `${select} where v.id = $1`, [located.id])
      : await rowsOf<NamedVersion>(source, `${select} where v.repository_id = $1 and v.number = $2`, [
          located.repository,
          located.number,
        ]);
  if (!row) throw badField(field, 'Invalid hyperlink - Object does not exist.');
  return row;
}
