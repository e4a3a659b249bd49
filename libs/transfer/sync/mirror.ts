import type { EntityManager } from 'typeorm';
import type { UnitRef } from '#content/versions/apply-change.js';
import { closureOf } from '#content/versions/closure.js';
import { rowsOf } from '#platform/database.js';

/** What a mirrored version consists of. */
export interface Mirrored {
  readonly units: readonly UnitRef[];
  readonly tagNames: readonly string[];
}

/**
 * Units of the newest version that the upstream does not have. Signatures that were made here of images that stay are
 * kept, with the artifacts that carry them and the companion tags that lead to those.
 */
export async function removedByMirror(tx: EntityManager, repositoryId: string, wanted: Mirrored): Promise<string[]> {
  const keep = new Set(wanted.units.map(({ id }) => id));
  const manifests = wanted.units.filter(({ kind }) => kind === 'manifest').map(({ id }) => id);
  for (const { id } of await ownSignatures(tx, repositoryId, manifests)) keep.add(id);
  const tags = new Set(wanted.tagNames);
  const present = await rowsOf<{ id: string; kind: string; tagName: string | null; manifestId: string | null }>(
    tx,
    `select m.unit_id as id, m.kind, m.tag_name as "tagName", t.manifest_id as "manifestId"
     from membership m left join tag t on t.id = m.unit_id
     where m.repository_id = $1 and m.removed_in is null`,
    [repositoryId],
  );
  const carriers = new Set(await ownCarriers(tx, repositoryId, manifests));
  return present
    .filter(({ id, kind, tagName, manifestId }) =>
      kind === 'tag' ? !tags.has(tagName!) && !carriers.has(manifestId!) : !keep.has(id),
    )
    .map(({ id }) => id);
}

/** Signatures made here of these manifests, with their carriers and what those name. */
async function ownSignatures(
  tx: EntityManager,
  repositoryId: string,
  manifests: readonly string[],
): Promise<UnitRef[]> {
  const signatures = await rowsOf<UnitRef>(
    tx,
    `select g.id, 'signature' as kind from membership m join signature g on g.id = m.unit_id
     join manifest c on c.digest = g.manifest_digest
     where m.repository_id = $1 and m.removed_in is null and g.signing_service_id is not null and c.id = any($2::uuid[])`,
    [repositoryId, manifests],
  );
  return [...signatures, ...(await closureOf(tx, await ownCarriers(tx, repositoryId, manifests)))];
}

async function ownCarriers(tx: EntityManager, repositoryId: string, manifests: readonly string[]): Promise<string[]> {
  const rows = await rowsOf<{ id: string }>(
    tx,
    `select distinct k.carrier_id as id from membership m join signature g on g.id = m.unit_id
     join manifest c on c.digest = g.manifest_digest join signature_carrier k on k.signature_id = g.id
     join membership h on h.unit_id = k.carrier_id and h.repository_id = $1 and h.removed_in is null
     where m.repository_id = $1 and m.removed_in is null and g.signing_service_id is not null and c.id = any($2::uuid[])`,
    [repositoryId, manifests],
  );
  return rows.map((row) => row.id);
}
