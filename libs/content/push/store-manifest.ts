import type { EntityManager } from 'typeorm';
import { isAttachmentTag } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { DomainError } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import {
  applyChange,
  lockRepository,
  type MadeVersion,
  touchRepository,
  type UnitRef,
} from '../versions/apply-change.js';
import { closureOf, stagedSignaturesOf } from '../versions/closure.js';
import type { ManifestDraft } from './drafts.js';
import { requireContent } from './find-content.js';
import { insertManifest, relateByTag } from './insert-manifest.js';
import { insertSignatures } from './insert-signatures.js';

/** A condition on what a tag points to before the push: a digest, nothing (`null`) or anything (`*`). */
export interface TagCondition {
  readonly tag: string;
  readonly expected: readonly string[] | null | '*';
}

/** One manifest pushed into a repository, under any number of tags. */
export interface ManifestPush {
  readonly repositoryId: string;
  readonly draft: ManifestDraft;
  readonly tags: readonly string[];
  readonly conditions?: readonly TagCondition[];
  readonly taskId?: string;
}

/** What a push did. A push that changed nothing makes no version. */
export interface StoredPush {
  readonly manifestId: string;
  readonly version?: MadeVersion;
}

/**
 * Stores a manifest in one transaction: row, tags, relations, signatures and at most one new version. A manifest that
 * nothing reaches yet (no tag, no subject) is staged: readable by digest at once, part of a version when something reaches it.
 */
export async function storeManifest(tx: EntityManager, push: ManifestPush): Promise<StoredPush> {
  const { repositoryId, draft } = push;
  const known = await requireContent(tx, repositoryId, draft.parsed);
  const manifestId = await insertManifest(tx, draft, known);
  const signatureIds = await insertSignatures(tx, draft.signatures, manifestId);
  const signatures = signatureIds.map((id): UnitRef => ({ id, kind: 'signature' }));
  if (push.tags.length === 0 && draft.parsed.subjects.length === 0) {
    await stage(tx, repositoryId, [{ id: manifestId, kind: 'manifest' }, ...signatures]);
    return { manifestId };
  }
  await lockRepository(tx, repositoryId);
  for (const condition of push.conditions ?? []) await requireTag(tx, repositoryId, condition);
  const closure = await closureOf(tx, [manifestId]);
  const waiting = await stagedSignaturesOf(
    tx,
    repositoryId,
    closure.filter((unit) => unit.kind === 'manifest').map((unit) => unit.id),
  );
  const tags: UnitRef[] = [];
  for (const name of push.tags) {
    tags.push({ id: await insertTag(tx, name, manifestId), kind: 'tag', tagName: name });
    await relateByTag(tx, name, manifestId);
  }
  const remove = await supersededSignatures(tx, repositoryId, push.tags, manifestId);
  const change = { add: [...closure, ...waiting, ...signatures, ...tags], remove };
  const version = await applyChange(tx, repositoryId, change, { taskId: push.taskId ?? null });
  return version ? { manifestId, version } : { manifestId };
}

/** Puts units into the staging of a repository, or renews their stay. */
export async function stage(tx: EntityManager, repositoryId: string, units: readonly UnitRef[]): Promise<void> {
  if (units.length === 0) return;
  const fresh = await rowsOf<{ fresh: boolean }>(
    tx,
    `insert into staged (repository_id, unit_id, kind)
     select $1::uuid, u.id, u.kind from unnest($2::uuid[], $3::text[]) as u(id, kind)
     where not exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = u.id and m.removed_in is null)
     order by u.id
     on conflict (repository_id, unit_id) do update set since = now() returning xmax = 0 as fresh`,
    [repositoryId, units.map((unit) => unit.id), units.map((unit) => unit.kind)],
  );
  const visible = units.some((unit) => unit.kind !== 'blob');
  if (visible && fresh.some((row) => row.fresh)) await touchRepository(tx, repositoryId);
}

/** The tag unit for a name and a manifest. */
export async function insertTag(tx: EntityManager, name: string, manifestId: string): Promise<string> {
  const [row] = await rowsOf<{ id: string }>(
    tx,
    `insert into tag (id, name, manifest_id) values ($1, $2, $3)
     on conflict (name, manifest_id) do update set name = excluded.name returning id`,
    [newId(), name, manifestId],
  );
  return row!.id;
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
async function supersededSignatures(
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
