import type { EntityManager } from 'typeorm';
import { preparedIn, rowsOf } from '#platform/database.js';
import type { UnitRef } from './apply-change.js';

/** Manifests with everything that they name, at any depth: listed manifests, configs and layers. Each unit once. */
export async function closureOf(tx: EntityManager, manifestIds: readonly string[]): Promise<UnitRef[]> {
  if (manifestIds.length === 0) return [];
  return rowsOf<UnitRef>(
    tx,
    `with recursive tree(id) as (
       select unnest($1::uuid[])
       union select c.child_id from tree t join manifest_child c on c.manifest_id = t.id)
     select id, 'manifest' as kind from tree
     union select b.blob_id, 'blob' from tree t join manifest_blob b on b.manifest_id = t.id`,
    [manifestIds],
  );
}

/** Signatures that wait in the staging for their manifest. */
export function stagedSignaturesOf(
  tx: EntityManager,
  repositoryId: string,
  manifestIds: readonly string[],
): Promise<UnitRef[]> {
  return preparedIn<UnitRef>(
    tx,
    'staged-signatures',
    `select s.unit_id as id, 'signature' as kind from staged s join signature g on g.id = s.unit_id
     join manifest m on m.digest = g.manifest_digest
     where s.repository_id = $1 and s.kind = 'signature' and m.id = any($2::uuid[])`,
    [repositoryId, manifestIds],
  );
}
