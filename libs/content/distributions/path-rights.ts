import type { DataSource } from 'typeorm';
import { objectKey } from '#access/permission-names.js';
import type { Permissions } from '#access/permissions.js';
import type { Principal } from '#access/principal.js';
import { allowedActions, mayDo, type RegistryTarget, type RightsHolder } from '#access/registry-rights.js';
import type { RegistryAction } from '#access/robot-scope.js';
import { findSurroundings, type ServedPath } from './find-distribution.js';

/** What rights on a path are decided from. */
export interface KnownPath {
  readonly target: RegistryTarget;
  readonly served: ServedPath | undefined;
  /** The guard that downloads must pass beside; null: none but the right to pull. */
  readonly guardId: string | null;
}

/** Reads what stands at a path: the same query whether something does or not. */
export async function knowPath(source: DataSource, path: string): Promise<KnownPath> {
  const { served, namespaceId, pullThroughId, pullThroughGuardId } = await findSurroundings(source, path);
  const target = targetOf(path, namespaceId ?? undefined, served);
  const guardId = served?.contentGuardId ?? null;
  if (pullThroughId === null) return { served, target, guardId };
  const pullThrough = { key: objectKey('container.containerpullthroughdistribution', pullThroughId) };
  // What a pull-through distribution makes is guarded as it is, already before it is made.
  const inherits = served === undefined || served.parentId !== null;
  return { served, target: { ...target, pullThrough }, guardId: guardId ?? (inherits ? pullThroughGuardId : null) };
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
