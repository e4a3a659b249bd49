import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import type { UnitRef } from '../versions/apply-change.js';
import { MEMBER_AT, type ReadView } from '../read/find-manifest.js';

/** What the ids are; unknown ids are missing from the answer. */
export function findUnits(tx: EntityManager, ids: readonly string[]): Promise<UnitRef[]> {
  return rowsOf<UnitRef>(
    tx,
    `select id, 'tag' as kind, name as "tagName" from tag where id = any($1::uuid[])
     union all select id, 'manifest', null from manifest where id = any($1::uuid[])
     union all select id, 'blob', null from blob where id = any($1::uuid[])
     union all select id, 'signature', null from signature where id = any($1::uuid[])`,
    [ids],
  );
}

/** All units of a version. */
export function unitsAt(tx: EntityManager, view: ReadView): Promise<UnitRef[]> {
  return rowsOf<UnitRef>(
    tx,
    `select unit_id as id, kind, tag_name as "tagName" from membership m where repository_id = $1 and ${MEMBER_AT}`,
    [view.repositoryId, view.pinned],
  );
}

/** The manifests behind tags, by tag unit. */
export async function manifestsOfTags(tx: EntityManager, tagIds: readonly string[]): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    tx,
    'select distinct manifest_id as id from tag where id = any($1::uuid[])',
    [tagIds],
  );
  return rows.map((row) => row.id);
}
