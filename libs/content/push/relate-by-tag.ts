import type { EntityManager } from 'typeorm';
import { parseCompanionTag } from '#oci/reference.js';
import type { TagMove } from './tags.js';

/** Records the relation that only a companion tag's name tells; repeating it changes nothing. */
export function relateByTag(tx: EntityManager, tag: string, referrerId: string): Promise<void> {
  return relateByTags(tx, [{ name: tag, manifestId: referrerId }]);
}

/** {@link relateByTag} for many. */
export async function relateByTags(tx: EntityManager, moves: readonly TagMove[]): Promise<void> {
  const companions = moves.flatMap(({ name, manifestId }) => {
    const subject = parseCompanionTag(name)?.subject;
    return subject === undefined ? [] : [{ subject, manifestId }];
  });
  if (companions.length === 0) return;
  await tx.query(
    `insert into relation (subject_digest, referrer_id, source)
     select s, r, 'cosign-tag' from unnest($1::text[], $2::uuid[]) as f(s, r) on conflict do nothing`,
    [companions.map(({ subject }) => subject), companions.map(({ manifestId }) => manifestId)],
  );
}
