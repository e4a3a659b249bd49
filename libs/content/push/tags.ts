import type { EntityManager } from 'typeorm';
import { isAttachmentTag } from '#oci/reference.js';
import { preparedIn, rowsOf } from '#platform/database.js';
import { DomainError } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import type { UnitRef } from '../versions/apply-change.js';

/** A condition on what a tag points to before a change: one of these digests, nothing (`null`) or anything (`*`). */
export interface TagCondition {
  readonly tag: string;
  readonly expected: readonly string[] | null | '*';
}

/** The tag unit for a name and a manifest. */
export async function insertTag(tx: EntityManager, name: string, manifestId: string): Promise<string> {
  const [row] = await preparedIn<{ id: string }>(
    tx,
    'insert-tag',
    `insert into tag (id, name, manifest_id) values ($1, $2, $3)
     on conflict (name, manifest_id) do update set name = excluded.name returning id`,
    [newId(), name, manifestId],
  );
  return row!.id;
}

/**
 * The tag units of a manifest under plain names, each name once, and the signatures that wait in the staging for manifests
 * that come with it: one statement, since others wait for the repository meanwhile.
 */
export function arrivingUnits(
  tx: EntityManager,
  repositoryId: string,
  coming: { readonly manifestId: string; readonly tags: readonly string[]; readonly manifests: readonly string[] },
): Promise<UnitRef[]> {
  return preparedIn<UnitRef>(
    tx,
    'arriving-units',
    `with tagged as (
       insert into tag (id, name, manifest_id)
       select f.id, f.name, $4::uuid from unnest($2::uuid[], $3::text[]) as f(id, name) order by f.name
       on conflict (name, manifest_id) do update set name = excluded.name returning id, name)
     select id, 'tag' as kind, name as "tagName" from tagged
     union all select s.unit_id, 'signature', null from staged s join signature g on g.id = s.unit_id
     join manifest m on m.digest = g.manifest_digest
     where s.repository_id = $1 and s.kind = 'signature' and m.id = any($5::uuid[])`,
    [repositoryId, coming.tags.map(() => newId()), coming.tags, coming.manifestId, coming.manifests],
  );
}

/** Throws precondition-failed unless every condition holds. Call it under the repository's lock. */
export async function requireTags(
  tx: EntityManager,
  repositoryId: string,
  conditions: readonly TagCondition[],
): Promise<void> {
  for (const condition of conditions) await requireTag(tx, repositoryId, condition);
}

async function requireTag(tx: EntityManager, repositoryId: string, { tag, expected }: TagCondition): Promise<void> {
  const [row] = await rowsOf<{ digest: string }>(
    tx,
    `select c.digest from membership m join tag t on t.id = m.unit_id join manifest c on c.id = t.manifest_id
     where m.repository_id = $1 and m.tag_name = $2 and m.removed_in is null`,
    [repositoryId, tag],
  );
  const met =
    expected === '*'
      ? row !== undefined
      : expected === null
        ? row === undefined
        : row !== undefined && expected.includes(row.digest);
  if (!met)
    throw new DomainError(
      'precondition-failed',
      'PRECONDITION_FAILED',
      `the tag ${tag} is not what the condition names; read it again`,
      {
        detail: { tag, digest: row?.digest ?? null },
      },
    );
}

/** Signatures that only the manifest now behind a companion tag carries, when the tag moves away from it. */
export async function supersededSignatures(
  tx: EntityManager,
  repositoryId: string,
  tags: readonly string[],
  manifestId: string,
): Promise<string[]> {
  const companions = tags.filter(isAttachmentTag);
  if (companions.length === 0) return [];
  const rows = await rowsOf<{ id: string }>(
    tx,
    `select k.signature_id as id from membership m join tag t on t.id = m.unit_id
     join signature_carrier k on k.carrier_id = t.manifest_id
     where m.repository_id = $1 and m.tag_name = any($2::text[]) and m.removed_in is null and t.manifest_id <> $3
       and not exists (select 1 from signature_carrier o where o.signature_id = k.signature_id and o.carrier_id = $3)`,
    [repositoryId, companions, manifestId],
  );
  return rows.map((row) => row.id);
}
