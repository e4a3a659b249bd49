import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { invalid } from '#platform/domain-error.js';
import { insertTag } from '../push/tags.js';
import { applyChange, lockRepository, type MadeVersion } from '../versions/apply-change.js';

/** Points a tag at a manifest of the newest version; undefined when it already does. */
export async function tagImage(
  tx: EntityManager,
  repositoryId: string,
  tag: string,
  digest: string,
  taskId?: string,
): Promise<MadeVersion | undefined> {
  const locked = await lockRepository(tx, repositoryId);
  const [manifest] = await rowsOf<{ id: string }>(
    tx,
    `select c.id from manifest c join membership m on m.unit_id = c.id and m.repository_id = $1 and m.removed_in is null where c.digest = $2`,
    [repositoryId, digest],
  );
  if (!manifest)
    throw invalid(
      `A manifest with the digest '${digest}' does not exist in the latest repository version '${locked.head}'`,
      'digest',
    );
  const id = await insertTag(tx, tag, manifest.id);
  return applyChange(
    tx,
    repositoryId,
    { add: [{ id, kind: 'tag', tagName: tag }] },
    { taskId: taskId ?? null, locked },
  );
}

/** Takes a tag out; its manifest stays. */
export async function untagImage(
  tx: EntityManager,
  repositoryId: string,
  tag: string,
  taskId?: string,
): Promise<MadeVersion | undefined> {
  const locked = await lockRepository(tx, repositoryId);
  const [unit] = await rowsOf<{ id: string }>(
    tx,
    'select unit_id as id from membership where repository_id = $1 and tag_name = $2 and removed_in is null',
    [repositoryId, tag],
  );
  if (!unit) throw invalid(`The tag '${tag}' does not exist in the latest repository version '${locked.head}'`, 'tag');
  return applyChange(tx, repositoryId, { remove: [unit.id] }, { taskId: taskId ?? null, locked });
}
