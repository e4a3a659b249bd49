import type { DataSource } from 'typeorm';
import { batchesOf } from '#platform/batches.js';
import { listParameters, ONE_BY_ONE, queryPrepared } from '#platform/database.js';
import { WITHOUT_FLUSH } from '#platform/durability.js';
import { GUARDED, type ListedPath } from '../distributions/list-distributions.js';
import { STAGE_FOUND_BLOBS } from './store-blob.js';

const MOST_CANDIDATES = 100;

/**
 * Paths whose newest content has a blob, public ones first, at most a hundred, with what rights on them are decided from:
 * one query whether there are many or none. Who may read which is the caller's to say.
 */
export function pathsWithBlob(source: DataSource, digest: string, from?: string): Promise<ListedPath[]> {
  return lookTogether(source, { digest, from: from ?? null });
}

const lookTogether = batchesOf<{ digest: string; from: string | null }, ListedPath[]>(async (source, wanted) => {
  const found = await queryPrepared<ListedPath & { at: number }>(
    source,
    'paths-with-blobs',
    `select w.at::int, p.* from unnest(${listParameters(1, 'text', 'text')}) with ordinality as w(digest, path, at)
     join lateral (
       select d.id as "distributionId", coalesce(d.namespace_id, n.id) as "namespaceId", d.base_path as "basePath",
         d.private, ${GUARDED} as guarded
       from blob b
       join lateral (
         select m.repository_id from membership m where m.unit_id = b.id and m.removed_in is null
         union select s.repository_id from staged s where s.unit_id = b.id) held on true
       join distribution d on d.repository_id = held.repository_id
       left join namespace n on n.name = split_part(d.base_path, '/', 1)
       where b.digest = w.digest and b.stored and (w.path is null or d.base_path = w.path)
       order by d.private, d.base_path limit $3) p on true
     order by w.at, p.private, p."basePath"`,
    [wanted.map(({ digest }) => digest), wanted.map(({ from }) => from), MOST_CANDIDATES],
  );
  const paths = wanted.map((): ListedPath[] => []);
  for (const { at, ...path } of found) paths[at - 1]!.push(path);
  return paths;
});

/**
 * Makes a blob that is here already readable in a repository; false when it has gone meanwhile, or is not in the newest
 * content of the repository `from`, when that is given. One statement does what a transaction with the digest protected
 * would do: the collector is held off, and a row that it took meanwhile is not found any more when it is locked.
 */
export function mountBlob(source: DataSource, repositoryId: string, digest: string, from?: string): Promise<boolean> {
  return mountTogether(source, { repositoryId, digest, from: from ?? null });
}

interface Mount {
  readonly repositoryId: string;
  readonly digest: string;
  readonly from: string | null;
}

/**
 * A manifest that names what was mounted flushes the mount too; until then a power failure takes it back, and the blob is
 * pushed or mounted again. What was used within the last minute is not marked again.
 */
const mountTogether = batchesOf<Mount, boolean>(async (source, wanted) => {
  const rows = await queryPrepared<{ at: number }>(
    source,
    'mount-blobs',
    `with wanted as (
       select * from unnest(${listParameters(1, 'uuid', 'text', 'uuid')}) with ordinality
         as w(repository_id, digest, from_id, at)),
     held as materialized (
       select d.digest, pg_advisory_xact_lock_shared(hashtextextended(d.digest, 7246))
       from (select distinct digest from wanted order by digest) d, ${WITHOUT_FLUSH}),
     used as materialized (
       select b.id, b.digest, b.touched_at from held cross join lateral (
         select * from blob b where b.digest = held.digest and b.stored for key share of b) b),
     touched as (
       update blob b set touched_at = now() from used
       where b.id = used.id and used.touched_at < now() - interval '1 minute'),
     found as materialized (
       select used.id, w.repository_id, w.at from used join wanted w on w.digest = used.digest
       where w.from_id is null
         or exists (select 1 from membership m
           where m.repository_id = w.from_id and m.unit_id = used.id and m.removed_in is null ${ONE_BY_ONE})
         or exists (select 1 from staged s where s.repository_id = w.from_id and s.unit_id = used.id ${ONE_BY_ONE})),
     staying as (${STAGE_FOUND_BLOBS})
     select at::int as at from found`,
    [
      wanted.map(({ repositoryId }) => repositoryId),
      wanted.map(({ digest }) => digest),
      wanted.map(({ from }) => from),
    ],
  );
  const mounted = new Set(rows.map(({ at }) => at - 1));
  return wanted.map((_mount, at) => mounted.has(at));
});
