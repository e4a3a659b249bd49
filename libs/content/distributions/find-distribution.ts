import type { DataSource } from 'typeorm';
import { queryPrepared } from '#platform/database.js';

/** What is served at a path: one repository, at its newest version or a fixed one. */
export interface ServedPath {
  readonly distributionId: string;
  readonly namespaceId: string | null;
  readonly basePath: string;
  readonly private: boolean;
  readonly repositoryId: string | null;
  readonly repositoryType: string | null;
  /** Fixed version number; null: the newest with what is staged. */
  readonly pinned: number | null;
  readonly head: number;
  readonly revision: number;
  readonly remoteId: string | null;
  readonly parentId: string | null;
  readonly trustPolicyId: string | null;
}

const COLUMNS = `d.id as "distributionId", d.namespace_id as "namespaceId", d.base_path as "basePath", d.private,
  coalesce(d.repository_id, v.repository_id) as "repositoryId", r.type as "repositoryType", v.number as pinned,
  coalesce(r.head, 0) as head, coalesce(r.revision, 0) as revision, d.remote_id as "remoteId", d.parent_id as "parentId",
  d.trust_policy_id as "trustPolicyId"`;

const FROM = `distribution d left join repository_version v on v.id = d.repository_version_id
  left join repository r on r.id = coalesce(d.repository_id, v.repository_id)`;

/** The distribution at exactly this path; pull-through distributions are found by their own look-up. */
export async function findDistribution(source: DataSource, basePath: string): Promise<ServedPath | undefined> {
  const text = `select ${COLUMNS} from ${FROM} where d.base_path = $1 and d.type = 'container'`;
  const [row] = await queryPrepared<ServedPath>(source, 'distribution-by-path', text, [basePath]);
  return row;
}

/** The present state of several distributions, to check cached ones against. */
export async function refreshDistributions(source: DataSource, ids: readonly string[]): Promise<ServedPath[]> {
  const text = `select ${COLUMNS} from ${FROM} where d.id = any($1::uuid[])`;
  return queryPrepared<ServedPath>(source, 'distributions-by-id', text, [ids]);
}
