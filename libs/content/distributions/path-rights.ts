import type { DataSource } from 'typeorm';
import { objectKey } from '#access/permission-names.js';
import type { Permissions } from '#access/permissions.js';
import type { Principal } from '#access/principal.js';
import { allowedActions, mayDo, type RegistryTarget, type RightsHolder } from '#access/registry-rights.js';
import type { RegistryAction } from '#access/robot-scope.js';
import { findDistribution, type ServedPath } from './find-distribution.js';
import { queryPrepared } from '#platform/database.js';

/** What rights on a path are decided from. */
export interface KnownPath {
  readonly target: RegistryTarget;
  readonly served: ServedPath | undefined;
}

/** Reads what stands at a path: the same queries whether something does or not. */
export async function knowPath(source: DataSource, path: string): Promise<KnownPath> {
  const served = await findDistribution(source, path);
  const [namespace] = await queryPrepared<{ id: string }>(
    source,
    'namespace-by-name',
    'select id from namespace where name = $1',
    [path.split('/', 1)[0]],
  );
  const pullThrough = await findPullThrough(source, path);
  const target = targetOf(path, namespace?.id, served);
  return { served, target: pullThrough === undefined ? target : { ...target, pullThrough } };
}

/** The pull-through distribution with the longest path above this one. */
async function findPullThrough(source: DataSource, path: string): Promise<RegistryTarget['pullThrough']> {
  const components = path.split('/');
  const prefixes = components.slice(1, 30).map((_each, at) => components.slice(0, at + 1).join('/'));
  if (prefixes.length === 0) return undefined;
  const [row] = await queryPrepared<{ id: string }>(
    source,
    'pull-through-above',
    `select id from distribution where type = 'pull-through' and base_path = any($1::text[])
     order by length(base_path) desc limit 1`,
    [prefixes],
  );
  return row && { key: objectKey('container.containerpullthroughdistribution', row.id) };
}

/** The target of a decision about a path. */
export function targetOf(
  path: string,
  namespaceId: string | undefined,
  distribution: { readonly distributionId: string; readonly private: boolean } | undefined,
): RegistryTarget {
  return {
    path,
    ...(namespaceId ? { namespaceKey: objectKey('container.containernamespace', namespaceId) } : {}),
    ...(distribution
      ? {
          distribution: {
            key: objectKey('container.containerdistribution', distribution.distributionId),
            private: distribution.private,
          },
        }
      : {}),
  };
}

/** Decides about registry paths for a principal. */
export class Rights {
  constructor(
    private readonly permissions: Permissions,
    private readonly policy: { readonly anonymousPush: boolean },
  ) {}

  holder(principal: Principal): Promise<RightsHolder> {
    return this.permissions.rightsHolder(principal);
  }

  async may(principal: Principal, target: RegistryTarget, action: RegistryAction): Promise<boolean> {
    return mayDo(await this.permissions.rightsHolder(principal), target, action, this.policy);
  }

  async allowed(principal: Principal, target: RegistryTarget, actions: readonly string[]): Promise<RegistryAction[]> {
    return allowedActions(await this.permissions.rightsHolder(principal), target, actions, this.policy);
  }
}
