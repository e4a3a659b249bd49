import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { invalid } from '#platform/domain-error.js';

/** Most levels of indexes below each other. */
export const MAX_INDEX_DEPTH = 16;

/** Throws MANIFEST_INVALID when an index that lists these manifests would be nested too deeply. */
export async function refuseDeepIndex(tx: EntityManager, childIds: readonly string[]): Promise<void> {
  if (childIds.length === 0) return;
  const rows = await rowsOf<{ id: string }>(
    tx,
    `with recursive down(id, depth) as (
       select unnest($1::uuid[]), 1
       union select c.child_id, d.depth + 1 from down d join manifest_child c on c.manifest_id = d.id where d.depth <= $2)
     select id from down where depth > $2 limit 1`,
    [childIds, MAX_INDEX_DEPTH],
  );
  if (rows.length > 0)
    throw invalid(
      `Indexes may be nested ${MAX_INDEX_DEPTH} levels deep; list the images in fewer.`,
      'manifests',
      'MANIFEST_INVALID',
    );
}
