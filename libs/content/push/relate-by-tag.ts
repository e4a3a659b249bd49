import type { EntityManager } from 'typeorm';
import { parseCompanionTag } from '#oci/reference.js';

/** Records the relation that only a companion tag's name tells; repeating it changes nothing. */
export async function relateByTag(tx: EntityManager, tag: string, referrerId: string): Promise<void> {
  const companion = parseCompanionTag(tag);
  if (!companion) return;
  await tx.query(
    `insert into relation (subject_digest, referrer_id, source) values ($1, $2, 'cosign-tag') on conflict do nothing`,
    [companion.subject, referrerId],
  );
}
