import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction, rowsOf } from '#platform/database.js';
import { applyChange, type MadeVersion } from '../versions/apply-change.js';
import { closureOf, stagedSignaturesOf } from '../versions/closure.js';

/** Repositories whose turn is over are left for the next one. */
const REPOSITORIES = 1_000;

/**
 * Gives manifests that were pushed by digest and that nothing has reached for `graceSeconds` a version: one for each
 * repository, with all that they name and the signatures that waited for them. Returns the versions that were made.
 */
export async function versionStaged(
  source: DataSource,
  graceSeconds: number,
  signal?: AbortSignal,
): Promise<MadeVersion[]> {
  const repositories = await rowsOf<{ id: string }>(
    source,
    `select repository_id as id from staged where kind = 'manifest' and since < now() - $1 * interval '1 second'
     group by repository_id order by min(since) limit ${REPOSITORIES}`,
    [graceSeconds],
  );
  const made: MadeVersion[] = [];
  for (const { id } of repositories) {
    signal?.throwIfAborted();
    const version = await inTransaction(source, (tx) => versionRepository(tx, id, graceSeconds));
    if (version) made.push(version);
  }
  return made;
}

async function versionRepository(
  tx: EntityManager,
  repositoryId: string,
  graceSeconds: number,
): Promise<MadeVersion | undefined> {
  // The repository may be gone by now; its staging went with it.
  const [repository] = await rowsOf(tx, 'select 1 from repository where id = $1 for no key update', [repositoryId]);
  if (!repository) return undefined;
  const rows = await rowsOf<{ id: string }>(
    tx,
    `select unit_id as id from staged where repository_id = $1 and kind = 'manifest'
       and since < now() - $2 * interval '1 second' order by unit_id for update`,
    [repositoryId, graceSeconds],
  );
  const closure = await closureOf(
    tx,
    rows.map((row) => row.id),
  );
  const manifests = closure.filter((unit) => unit.kind === 'manifest').map((unit) => unit.id);
  const signatures = await stagedSignaturesOf(tx, repositoryId, manifests);
  return applyChange(tx, repositoryId, { add: [...closure, ...signatures] });
}
