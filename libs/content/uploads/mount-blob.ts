import type { DataSource } from 'typeorm';
import { queryPrepared } from '#platform/database.js';
import { GUARDED, type ListedPath } from '../distributions/list-distributions.js';
import { STAGE_FOUND_BLOB } from './store-blob.js';

const MOST_CANDIDATES = 100;

/**
 * Paths whose newest content has a blob, public ones first, at most a hundred, with what rights on them are decided from:
 * one query whether there are many or none. Who may read which is the caller's to say.
 */
export function pathsWithBlob(source: DataSource, digest: string, from?: string): Promise<ListedPath[]> {
  return queryPrepared<ListedPath>(
    source,
    'paths-with-blob',
    `select d.id as "distributionId", coalesce(d.namespace_id, n.id) as "namespaceId", d.base_path as "basePath", d.private, ${GUARDED} as guarded
     from blob b
     join lateral (
       select m.repository_id from membership m where m.unit_id = b.id and m.removed_in is null
       union select s.repository_id from staged s where s.unit_id = b.id) held on true
     join distribution d on d.repository_id = held.repository_id
     left join namespace n on n.name = split_part(d.base_path, '/', 1)
     where b.digest = $1 and b.stored and ($2::text is null or d.base_path = $2) order by d.private, d.base_path limit $3`,
    [digest, from ?? null, MOST_CANDIDATES],
  );
}

/**
 * Makes a blob that is here already readable in a repository; false when it has gone meanwhile. One statement does what
 * a transaction with the digest protected would do: the collector is held off, and a row that it took meanwhile is not updated.
 */
export async function mountBlob(source: DataSource, repositoryId: string, digest: string): Promise<boolean> {
  const found = await queryPrepared<{ id: string }>(
    source,
    'mount-blob',
    `with held as materialized (select pg_advisory_xact_lock_shared(hashtextextended($2, 7246))),
     found as (update blob b set touched_at = now() from held where b.digest = $2 and b.stored returning b.id),
     staying as (${STAGE_FOUND_BLOB})
     select id from found`,
    [repositoryId, digest],
  );
  return found.length > 0;
}
