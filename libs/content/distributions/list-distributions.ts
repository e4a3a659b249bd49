import type { DataSource } from 'typeorm';
import { queryPrepared } from '#platform/database.js';

/** A path that serves something, as a catalog lists it. */
export interface ListedPath {
  readonly distributionId: string;
  readonly namespaceId: string | null;
  readonly basePath: string;
  readonly private: boolean;
  /** Downloads must pass a guard or a trust policy beside the right to pull. */
  readonly guarded: boolean;
}

/** SQL over a distribution `d`: it names a guard or a trust policy, or the pull-through distribution that made it a guard. */
export const GUARDED = `(d.content_guard_id is not null or d.trust_policy_id is not null or exists (
    select 1 from distribution p where p.id = d.parent_id and p.content_guard_id is not null))`;

/** Paths that serve a repository, in byte order after `last`, at most `limit`. */
export function listDistributions(source: DataSource, last: string, limit: number): Promise<ListedPath[]> {
  const text = `select d.id as "distributionId", coalesce(d.namespace_id, n.id) as "namespaceId", d.base_path as "basePath", d.private, ${GUARDED} as guarded
    from distribution d left join namespace n on n.name = split_part(d.base_path, '/', 1)
    where d.type = 'container' and (d.repository_id is not null or d.repository_version_id is not null)
      and d.base_path > $1 order by d.base_path limit $2`;
  return queryPrepared<ListedPath>(source, 'distributions-after', text, [last, limit]);
}
