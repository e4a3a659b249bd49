import type { DataSource, EntityManager } from 'typeorm';
import type { ManifestDraft, SignatureDraft } from '#content/push/drafts.js';
import { refreshFallbacks } from '#content/push/fallback-index.js';
import { insertManifests } from '#content/push/insert-manifests.js';
import { insertSignatures } from '#content/push/insert-signatures.js';
import { relateByTags } from '#content/push/relate-by-tag.js';
import { insertTags, requireTags, supersededByMoves } from '#content/push/tags.js';
import { applyChange, lockRepository, type MadeVersion, type UnitRef } from '#content/versions/apply-change.js';
import { closureOf, stagedSignaturesOf } from '#content/versions/closure.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { unavailable } from '#platform/domain-error.js';
import type { ImportedTag } from './merge-companions.js';

/** What goes into the new version; blobs are stored and staged already. */
export interface LayoutChange {
  /** What a manifest lists comes before it. */
  readonly manifests: readonly ManifestDraft[];
  readonly tags: readonly ImportedTag[];
  readonly signatures: readonly SignatureDraft[];
}

/** What the transaction does besides. */
export interface StoreLayoutOptions {
  readonly taskId: string;
  /** Runs first in the transaction; throwing undoes everything. */
  readonly fence: (tx: EntityManager) => Promise<void>;
  /** Runs last in it. */
  readonly inCommit: (tx: EntityManager, version: MadeVersion | undefined) => Promise<void>;
}

/** Stores everything in one transaction and makes one version, or none when nothing differs. */
export function storeLayout(
  source: DataSource,
  repositoryId: string,
  change: LayoutChange,
  options: StoreLayoutOptions,
): Promise<void> {
  return inTransaction(source, async (tx) => {
    await options.fence(tx);
    await lockRepository(tx, repositoryId);
    await requireTags(
      tx,
      repositoryId,
      change.tags.flatMap(({ name, expected }) =>
        expected === undefined ? [] : [{ tag: name, expected: expected === null ? null : [expected] }],
      ),
    );
    const { ids, signatures } = await insertAll(tx, repositoryId, change);
    const units = await unitsOf(tx, repositoryId, [...ids.values()]);
    const tags = await tagUnits(tx, repositoryId, change.tags, ids);
    const subjects = new Set(change.manifests.flatMap(({ parsed }) => parsed.subjects.map(({ digest }) => digest)));
    const fallbacks = await refreshFallbacks(tx, repositoryId, [...subjects], { coming: [...ids.values()] });
    const add = [...units, ...signatures, ...tags.add, ...fallbacks.add];
    const remove = [...tags.remove, ...fallbacks.remove];
    await options.inCommit(tx, await applyChange(tx, repositoryId, { add, remove }, { taskId: options.taskId }));
  });
}

async function insertAll(tx: EntityManager, repositoryId: string, change: LayoutChange) {
  const blobs = await stagedBlobs(tx, repositoryId, change.manifests);
  const leaves = change.manifests.filter(({ parsed }) => parsed.children.length === 0);
  const ids = await insertManifests(tx, leaves, { blobs, manifests: new Map() });
  for (const draft of change.manifests.filter(({ digest }) => !ids.has(digest)))
    for (const [digest, id] of await insertManifests(tx, [draft], { blobs, manifests: ids })) ids.set(digest, id);
  const signatures: UnitRef[] = [];
  const take = (found: readonly string[]) =>
    signatures.push(...found.map((id): UnitRef => ({ id, kind: 'signature' })));
  for (const { digest, signatures: drafts } of change.manifests)
    if (drafts.length > 0) take(await insertSignatures(tx, drafts, ids.get(digest)));
  take(await insertSignatures(tx, change.signatures));
  return { ids, signatures };
}

/** Ids of the blobs that the manifests name, locked against the collector. */
async function stagedBlobs(
  tx: EntityManager,
  repositoryId: string,
  manifests: readonly ManifestDraft[],
): Promise<Map<string, string>> {
  const wanted = new Set(
    manifests.flatMap(({ parsed }) =>
      [...(parsed.config ? [parsed.config] : []), ...parsed.layers].map(({ digest }) => digest),
    ),
  );
  const rows = await rowsOf<{ id: string; digest: string }>(
    tx,
    `select c.id, c.digest from blob c where c.digest = any($2::text[]) and c.stored
       and (exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = c.id and m.removed_in is null)
         or exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = c.id))
     order by c.id for key share of c`,
    [repositoryId, [...wanted]],
  );
  if (rows.length !== wanted.size)
    throw unavailable('Blobs of the import were removed meanwhile; import the archive again.');
  return new Map(rows.map((row) => [row.digest, row.id]));
}

async function unitsOf(tx: EntityManager, repositoryId: string, manifestIds: readonly string[]): Promise<UnitRef[]> {
  return [...(await closureOf(tx, manifestIds)), ...(await stagedSignaturesOf(tx, repositoryId, manifestIds))];
}

async function tagUnits(
  tx: EntityManager,
  repositoryId: string,
  tags: readonly ImportedTag[],
  ids: ReadonlyMap<string, string>,
): Promise<{ add: UnitRef[]; remove: string[] }> {
  // A companion tag that has every layer already stays where it is.
  const moves = tags.flatMap(({ name, digest }) => {
    const manifestId = ids.get(digest);
    return manifestId === undefined ? [] : [{ name, manifestId }];
  });
  const add = await insertTags(tx, moves);
  await relateByTags(tx, moves);
  return { add, remove: await supersededByMoves(tx, repositoryId, moves) };
}
