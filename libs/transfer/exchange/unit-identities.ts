import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';

/** A unit of a version by what it is, not by its id here. */
export interface UnitIdentity {
  readonly id: string;
  readonly identity: string;
}

/** All units of a version, or (null) of the newest one, in a form that other installations understand. */
export function unitIdentities(
  tx: DataSource | EntityManager,
  repositoryId: string,
  number: number | null,
): Promise<UnitIdentity[]> {
  return rowsOf<UnitIdentity>(
    tx,
    `select m.unit_id as id, m.kind || ' ' || case m.kind
         when 'tag' then m.tag_name || ' ' || tagged.digest
         when 'manifest' then own.digest
         when 'blob' then b.digest
         else g.manifest_digest || ' ' || g.digest end as identity
       from membership m
       left join tag t on m.kind = 'tag' and t.id = m.unit_id
       left join manifest tagged on tagged.id = t.manifest_id
       left join manifest own on m.kind = 'manifest' and own.id = m.unit_id
       left join blob b on m.kind = 'blob' and b.id = m.unit_id
       left join signature g on m.kind = 'signature' and g.id = m.unit_id
      where m.repository_id = $1
        and case when $2::int is null then m.removed_in is null
                 else m.added_in <= $2 and (m.removed_in is null or m.removed_in > $2) end
      order by 2`,
    [repositoryId, number],
  );
}
