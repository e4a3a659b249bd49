import type { DataSource, EntityManager } from 'typeorm';
import { isFallbackTag, parseCompanionTag } from '#oci/reference.js';
import { batchesOf } from '#platform/batches.js';
import { commitEarly } from '#platform/durability.js';
import { applyChanges, lockRepositories } from '../versions/apply-change.js';
import { requireContent } from './find-content.js';
import { insertManifests } from './insert-manifests.js';
import { imageUnits, type ManifestPush, type StoredPush } from './store-manifest.js';
import { arrivingUnits } from './tags.js';

/**
 * True for what nearly every push is: an image under plain tags, no artifact about another manifest, no condition. Such
 * pushes do not depend on each other, but for those that set the same tag.
 */
export function isPlainImage({ draft, tags, conditions = [], alongside = [] }: ManifestPush): boolean {
  const { parsed, signatures } = draft;
  if (parsed.shape !== 'image' || parsed.subjects.length > 0 || signatures.length > 0) return false;
  if (conditions.length > 0 || alongside.length > 0 || tags.length === 0) return false;
  return !tags.some((name) => isFallbackTag(name) || parseCompanionTag(name));
}

/**
 * Does what `storeManifest` does for a plain image, in one transaction with the pushes of others that come at the same
 * time. It has committed then, but nothing is flushed: the answer has to wait for `durable`.
 */
export const storeImage: (source: DataSource, push: ManifestPush) => Promise<StoredPush> = batchesOf((source, pushes) =>
  commitEarly(source, async (tx) => {
    const stored = new Map<ManifestPush, StoredPush>();
    for (const round of rounds(pushes))
      for (const [at, each] of (await storeImages(tx, round)).entries()) stored.set(round[at]!, each);
    return pushes.map((push) => stored.get(push)!);
  }),
);

/** Pushes in order, so that no two of a round set the same tag. */
function rounds(pushes: readonly ManifestPush[]): ManifestPush[][] {
  const last = new Map<string, number>();
  const made: ManifestPush[][] = [];
  for (const push of pushes) {
    const names = push.tags.map((tag) => `${push.repositoryId} ${tag}`);
    const round = Math.max(...names.map((name) => (last.get(name) ?? -1) + 1));
    for (const name of names) last.set(name, round);
    (made[round] ??= []).push(push);
  }
  return made;
}

async function storeImages(tx: EntityManager, pushes: readonly ManifestPush[]): Promise<StoredPush[]> {
  const arrivals = pushes.map(({ repositoryId, draft }) => ({ repositoryId, parsed: draft.parsed }));
  const known = await requireContent(tx, arrivals);
  const drafts = pushes.map(({ draft }) => draft);
  const [ids, locked] = await Promise.all([
    insertManifests(tx, drafts, known),
    lockRepositories(tx, [...new Set(pushes.map(({ repositoryId }) => repositoryId))]),
  ]);
  const coming = pushes.map(({ repositoryId, draft, tags }) => {
    const manifestId = ids.get(draft.digest)!;
    return { repositoryId, manifestId, tags: [...new Set(tags)], manifests: [manifestId] };
  });
  const arriving = await arrivingUnits(tx, coming);
  const changes = pushes.map(({ repositoryId, draft, taskId = null }, at) => {
    const add = [...imageUnits(coming[at]!.manifestId, draft.parsed, known), ...arriving[at]!];
    return { repository: locked.get(repositoryId)!, change: { add }, taskId };
  });
  const versions = await applyChanges(tx, changes);
  return versions.map((version, at) => {
    const { manifestId } = coming[at]!;
    return version ? { manifestId, version } : { manifestId };
  });
}
