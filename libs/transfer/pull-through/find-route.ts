import type { DataSource } from 'typeorm';
import { isRepositoryName } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import { RemoteEntity } from '../remotes/remote.entity.js';
import { matcher } from '../sync/select-tags.js';

/** A path below a pull-through distribution: which upstream repository it stands for. */
export interface PullThroughRoute {
  readonly path: string;
  readonly upstreamName: string;
  readonly remote: RemoteEntity;
  readonly parent: {
    readonly id: string;
    readonly basePath: string;
    readonly namespaceId: string | null;
    readonly private: boolean;
  };
}

/** The pull-through distribution with the longest base path above `path`, unless its remote filters the name out. */
export async function findRoute(source: DataSource, path: string): Promise<PullThroughRoute | undefined> {
  const components = path.split('/');
  const prefixes = components.slice(1).map((_each, at) => components.slice(0, at + 1).join('/'));
  if (prefixes.length === 0 || prefixes.length > 30) return undefined;
  const [parent] = await rowsOf<PullThroughRoute['parent'] & { remoteId: string | null }>(
    source,
    `select id, base_path as "basePath", namespace_id as "namespaceId", private, remote_id as "remoteId" from distribution
     where type = 'pull-through' and base_path = any($1::text[]) order by length(base_path) desc limit 1`,
    [prefixes],
  );
  if (!parent?.remoteId) return undefined;
  const remote = await source.manager.findOneBy(RemoteEntity, { id: parent.remoteId });
  const upstreamName = path.slice(parent.basePath.length + 1);
  if (!remote || !isRepositoryName(upstreamName) || !isWanted(remote, upstreamName)) return undefined;
  return { path, upstreamName, remote, parent };
}

/** Without includes everything passes that no exclude matches. */
function isWanted({ includes, excludes }: RemoteEntity, name: string): boolean {
  return ((includes ?? []).length === 0 || matcher(includes!)(name)) && !matcher(excludes ?? [])(name);
}
