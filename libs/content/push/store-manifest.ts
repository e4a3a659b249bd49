import type { EntityManager } from 'typeorm';
import { blobsOf, type ParsedManifest } from '#oci/manifest.js';
import { isFallbackTag, parseCompanionTag } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import {
  applyChange,
  lockRepository,
  type MadeVersion,
  touchRepository,
  type UnitRef,
} from '../versions/apply-change.js';
import { closureOf } from '../versions/closure.js';
import type { ManifestDraft } from './drafts.js';
import { refreshFallbacks, renderFallback, subjectOfFallback } from './fallback-index.js';
import { requireContent } from './find-content.js';
import { refuseDeepIndex } from './index-depth.js';
import { insertManifest, type KnownContent } from './insert-manifests.js';
import { insertSignatures } from './insert-signatures.js';
import { relateByTag } from './relate-by-tag.js';
import { arrivingUnits, insertTag, requireTags, supersededSignatures, type TagCondition } from './tags.js';

/** One manifest pushed into a repository, under any number of tags. */
export interface ManifestPush {
  readonly repositoryId: string;
  readonly draft: ManifestDraft;
  readonly tags: readonly string[];
  readonly conditions?: readonly TagCondition[];
  /** Stored in the same version, reached by digest only. */
  readonly alongside?: readonly ManifestDraft[];
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
  const { manifestId, signatures, known } = await insertDraft(tx, repositoryId, draft);
  if (push.tags.length === 0 && draft.parsed.subjects.length === 0) {
    await stage(tx, repositoryId, [{ id: manifestId, kind: 'manifest' }, ...signatures]);
    return { manifestId };
  }
  const locked = await lockRepository(tx, repositoryId);
  await requireTags(tx, repositoryId, push.conditions ?? []);
  const besides: string[] = [];
  for (const each of push.alongside ?? []) besides.push((await insertDraft(tx, repositoryId, each)).manifestId);
  const closure =
    draft.parsed.shape === 'image' && besides.length === 0
      ? imageUnits(manifestId, draft.parsed, known)
      : await closureOf(tx, [manifestId, ...besides]);
  const manifests = closure.filter((unit) => unit.kind === 'manifest').map((unit) => unit.id);
  const plain = [...new Set(push.tags.filter((name) => !isFallbackTag(name) && !parseCompanionTag(name)))];
  const [arriving = []] = await arrivingUnits(tx, [{ repositoryId, manifestId, tags: plain, manifests }]);
  const tags: UnitRef[] = [];
  for (const name of push.tags)
    if (!plain.includes(name)) tags.push(...(await tagUnits(tx, repositoryId, name, manifestId)));
  const subjects = draft.parsed.subjects.map(({ digest }) => digest);
  const fallbacks = await refreshFallbacks(tx, repositoryId, subjects, { coming: [manifestId] });
  const remove = await supersededSignatures(tx, repositoryId, push.tags, manifestId);
  const change = { add: [...closure, ...arriving, ...signatures, ...tags, ...fallbacks.add], remove };
  const version = await applyChange(tx, repositoryId, change, { taskId: push.taskId ?? null, locked });
  return version ? { manifestId, version } : { manifestId };
}

async function insertDraft(
  tx: EntityManager,
  repositoryId: string,
  draft: ManifestDraft,
): Promise<{ manifestId: string; signatures: UnitRef[]; known: KnownContent }> {
  const known = await requireContent(tx, [{ repositoryId, parsed: draft.parsed }]);
  if (draft.parsed.shape === 'index') await refuseDeepIndex(tx, [...known.manifests.values()]);
  const manifestId = await insertManifest(tx, draft, known);
  const ids = await insertSignatures(tx, draft.signatures, manifestId);
  return { manifestId, signatures: ids.map((id) => ({ id, kind: 'signature' })), known };
}

/** What {@link closureOf} finds for an image, which lists no manifests: itself and the blobs that it was checked for. */
export function imageUnits(manifestId: string, image: ParsedManifest, { blobs }: KnownContent): UnitRef[] {
  const ids = new Set(blobsOf(image).map(({ digest }) => blobs.get(digest)!));
  return [{ id: manifestId, kind: 'manifest' }, ...[...ids].map((id) => ({ id, kind: 'blob' as const }))];
}

/** A tag of the referrers tag schema leads to the index of what really refers to the subject, whatever the client knew. */
async function tagUnits(tx: EntityManager, repositoryId: string, name: string, manifestId: string): Promise<UnitRef[]> {
  const subject = await subjectOfFallback(tx, name, manifestId);
  const rendered = subject === undefined ? [] : await renderFallback(tx, repositoryId, subject, {});
  if (rendered.length > 0) return rendered;
  const tag: UnitRef = { id: await insertTag(tx, name, manifestId), kind: 'tag', tagName: name };
  await relateByTag(tx, name, manifestId);
  return [tag];
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
