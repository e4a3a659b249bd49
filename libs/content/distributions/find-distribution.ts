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
  /** Another one whenever the trust policy was changed; null when there is none, or none any more. */
  readonly trustPolicyStamp: string | null;
  /** The guard that it names itself; null: the default one, which lets pass whoever may pull. */
  readonly contentGuardId: string | null;
}

const COLUMNS = `d.id as "distributionId", d.namespace_id as "namespaceId", d.base_path as "basePath", d.private,
  coalesce(d.repository_id, v.repository_id) as "repositoryId", r.type as "repositoryType", v.number as pinned,
  coalesce(r.head, 0) as head, coalesce(r.revision, 0) as revision, d.remote_id as "remoteId", d.parent_id as "parentId",
  d.trust_policy_id as "trustPolicyId", t.xmin::text as "trustPolicyStamp",
  d.content_guard_id as "contentGuardId"`;

const FROM = `distribution d left join repository_version v on v.id = d.repository_version_id
  left join repository r on r.id = coalesce(d.repository_id, v.repository_id)
  left join trust_policy t on t.id = d.trust_policy_id`;

/** The distribution at exactly this path; pull-through distributions are found by their own look-up. */
export async function findDistribution(source: DataSource, basePath: string): Promise<ServedPath | undefined> {
  const text = `select ${COLUMNS} from ${FROM} where d.base_path = $1 and d.type = 'container'`;
  const [row] = await queryPrepared<ServedPath>(source, 'distribution-by-path', text, [basePath]);
  return row;
}

/** What stands at a path and above it. */
export interface Surroundings {
  readonly served: ServedPath | undefined;
  /** The namespace of the path's first component. */
  readonly namespaceId: string | null;
  /** The pull-through distribution with the longest path above this one. */
  readonly pullThroughId: string | null;
  /** The guard of the pull-through distribution. */
  readonly pullThroughGuardId: string | null;
}

const MOST_PREFIXES = 29;

/** The distribution at exactly this path, its namespace and the pull-through distribution above it, in one query. */
export async function findSurroundings(source: DataSource, path: string): Promise<Surroundings> {
  const components = path.split('/');
  const prefixes = components.slice(1, MOST_PREFIXES + 1).map((_each, at) => components.slice(0, at + 1).join('/'));
  const text = `select ${COLUMNS}, n.id as "ownerId", above.id as "pullThroughId", above.guard as "pullThroughGuardId"
    from (values (1)) as one left join (${FROM}) on d.base_path = $1 and d.type = 'container'
    left join namespace n on n.name = $2
    left join lateral (select p.id, p.content_guard_id as guard from distribution p
      where p.type = 'pull-through' and p.base_path = any($3::text[]) order by length(p.base_path) desc limit 1) above on true`;
  const values = [path, components[0], prefixes];
  const [row] = await queryPrepared<Row>(source, 'surroundings-of-path', text, values);
  const { ownerId, pullThroughId, pullThroughGuardId, ...served } = row!;
  return {
    served: served.distributionId === null ? undefined : (served as ServedPath),
    namespaceId: ownerId,
    pullThroughId,
    pullThroughGuardId,
  };
}

type Row = Omit<ServedPath, 'distributionId'> & {
  readonly distributionId: string | null;
  readonly ownerId: string | null;
  readonly pullThroughId: string | null;
  readonly pullThroughGuardId: string | null;
};

/** The present state of several distributions, to check cached ones against. */
export async function refreshDistributions(source: DataSource, ids: readonly string[]): Promise<ServedPath[]> {
  const text = `select ${COLUMNS} from ${FROM} where d.id = any($1::uuid[])`;
  return queryPrepared<ServedPath>(source, 'distributions-by-id', text, [ids]);
}
