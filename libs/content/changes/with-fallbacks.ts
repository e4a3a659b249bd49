import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { refreshFallbacks } from '../push/fallback-index.js';
import type { VersionChange } from '../versions/apply-change.js';

/**
 * The change with the stored fallback indexes that must follow it, when referrers come or go; made in the same version. The
 * repository must be locked.
 */
export async function withFallbacks(
  tx: EntityManager,
  repositoryId: string,
  change: VersionChange,
): Promise<VersionChange> {
  const coming = (change.add ?? []).filter((unit) => unit.kind === 'manifest').map((unit) => unit.id);
  const going = [...(change.remove ?? [])];
  const subjects = await rowsOf<{ subject: string }>(
    tx,
    `select distinct subject_digest as subject from relation where source <> 'cosign-tag' and referrer_id = any($1::uuid[])`,
    [[...coming, ...going]],
  );
  if (subjects.length === 0) return change;
  const names = subjects.map((row) => row.subject);
  const fallbacks = await refreshFallbacks(tx, repositoryId, names, { coming, going });
  const leaving = new Set([...going, ...fallbacks.remove]);
  const add = [...(change.add ?? []), ...fallbacks.add.filter((unit) => !leaving.has(unit.id))];
  return { add, remove: [...leaving] };
}
