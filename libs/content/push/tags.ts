import type { EntityManager } from 'typeorm';
import { isAttachmentTag } from '#oci/reference.js';
import { listParameters, ONE_BY_ONE, preparedIn, rowsOf } from '#platform/database.js';
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

/** A tag name and the manifest that it leads to. */
export interface TagMove {
  readonly name: string;
  readonly manifestId: string;
}

/** {@link insertTag} for many, each name once. */
export async function insertTags(tx: EntityManager, moves: readonly TagMove[]): Promise<UnitRef[]> {
  if (moves.length === 0) return [];
  return rowsOf<UnitRef>(
    tx,
    `insert into tag (id, name, manifest_id)
     select f.* from unnest($1::uuid[], $2::text[], $3::uuid[]) as f(id, name, manifest_id) order by f.name
     on conflict (name, manifest_id) do update set name = excluded.name returning id, 'tag' as kind, name as "tagName"`,
    [moves.map(() => newId()), moves.map(({ name }) => name), moves.map(({ manifestId }) => manifestId)],
  );
}

/** A manifest that is about to join a version, with plain tags, each name once, and the manifests that come with it. */
export interface ComingManifest {
  readonly repositoryId: string;
  readonly manifestId: string;
  readonly tags: readonly string[];
  readonly manifests: readonly string[];
}

/**
 * The tag units of each manifest under its plain names, and the signatures that wait in the staging for manifests that come
 * with it: one statement, since others wait for the repository meanwhile.
 */
export async function arrivingUnits(tx: EntityManager, coming: readonly ComingManifest[]): Promise<UnitRef[][]> {
  const tags = coming.flatMap(({ tags: names, manifestId }) => names.map((name) => ({ name, manifestId })));
  const named = coming.flatMap(({ repositoryId, manifests }) => manifests.map((id) => ({ repositoryId, id })));
  const pairs = [...new Map(named.map((pair) => [`${pair.repositoryId} ${pair.id}`, pair])).values()];
  const rows = await preparedIn<UnitRef & { manifestId: string; repositoryId: string | null }>(
    tx,
    'arriving-units',
    `with tagged as (
       insert into tag (id, name, manifest_id)
       select distinct on (f.name, f.manifest_id) f.* from unnest(${listParameters(1, 'uuid', 'text', 'uuid')})
         as f(id, name, manifest_id)
       order by f.name, f.manifest_id
       on conflict (name, manifest_id) do update set name = excluded.name returning id, name, manifest_id)
     select id, 'tag' as kind, name as "tagName", manifest_id as "manifestId", null::uuid as "repositoryId" from tagged
     union all select s.unit_id, 'signature', null, m.id, s.repository_id
     from unnest(${listParameters(4, 'uuid', 'uuid')}) as c(repository_id, manifest_id)
     cross join lateral (select m.id, m.digest from manifest m where m.id = c.manifest_id ${ONE_BY_ONE}) m
     join signature g on g.manifest_digest = m.digest
     cross join lateral (select * from staged s
       where s.repository_id = c.repository_id and s.unit_id = g.id and s.kind = 'signature' ${ONE_BY_ONE}) s`,
    [
      tags.map(() => newId()),
      tags.map(({ name }) => name),
      tags.map(({ manifestId }) => manifestId),
      pairs.map(({ repositoryId }) => repositoryId),
      pairs.map(({ id }) => id),
    ],
  );
  return coming.map(({ repositoryId, manifestId, tags: names, manifests }) =>
    rows
      .filter((row) =>
        row.kind === 'tag'
          ? row.manifestId === manifestId && names.includes(row.tagName!)
          : row.repositoryId === repositoryId && manifests.includes(row.manifestId),
      )
      .map(({ id, kind, tagName }) => ({ id, kind, tagName: tagName ?? null })),
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
export function supersededSignatures(
  tx: EntityManager,
  repositoryId: string,
  tags: readonly string[],
  manifestId: string,
): Promise<string[]> {
  return supersededByMoves(
    tx,
    repositoryId,
    tags.map((name) => ({ name, manifestId })),
  );
}

/** {@link supersededSignatures} for many tags that move at once, each to a manifest of its own. */
export async function supersededByMoves(
  tx: EntityManager,
  repositoryId: string,
  moves: readonly TagMove[],
): Promise<string[]> {
  const companions = moves.filter(({ name }) => isAttachmentTag(name));
  if (companions.length === 0) return [];
  const rows = await rowsOf<{ id: string }>(
    tx,
    `select k.signature_id as id from unnest($2::text[], $3::uuid[]) as f(name, manifest_id)
     join membership m on m.repository_id = $1 and m.tag_name = f.name and m.removed_in is null
     join tag t on t.id = m.unit_id and t.manifest_id <> f.manifest_id
     join signature_carrier k on k.carrier_id = t.manifest_id
     where not exists (select 1 from signature_carrier o where o.signature_id = k.signature_id and o.carrier_id = f.manifest_id)`,
    [repositoryId, companions.map(({ name }) => name), companions.map(({ manifestId }) => manifestId)],
  );
  return rows.map((row) => row.id);
}
