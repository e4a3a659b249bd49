import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { forbidden } from '#platform/domain-error.js';
import { AccessCache } from './access-cache.js';
import type { AccessChanges } from './access-changes.js';
import { modelOf, modelOfKey, PERMISSION_NAMES } from './permission-names.js';
import { NO_PERMISSIONS, PermissionSet, type Grant } from './permission-set.js';
import type { Principal } from './principal.js';
import type { RightsHolder } from './registry-rights.js';
import { giveRole } from './role-assignments.js';

const EVERYTHING = new PermissionSet(true, []);

/** Answers who may do what. Loaded once per user, dropped when his rights change anywhere. Robots have only their scopes. */
export class Permissions {
  private readonly cache: AccessCache<PermissionSet>;

  constructor(
    private readonly source: DataSource,
    changes: AccessChanges,
  ) {
    this.cache = new AccessCache(changes, 'grants');
  }

  /** All rights of a principal. */
  async permissionsOf(principal: Principal): Promise<PermissionSet> {
    if (principal.kind !== 'user') return NO_PERMISSIONS;
    if (principal.isSuperuser) return EVERYTHING;
    const { id } = principal;
    return await this.cache.load(String(id), async () => ({
      value: new PermissionSet(false, await readGrants(this.source, id)),
      account: id,
    }));
  }

  /** True when the principal holds the permission on the object, or on its whole model. */
  async can(principal: Principal, permission: string, objectKey?: string): Promise<boolean> {
    return (await this.permissionsOf(principal)).has(permission, objectKey);
  }

  /** Throws `forbidden` unless {@link can}. */
  async demand(principal: Principal, permission: string, objectKey?: string): Promise<void> {
    if (!(await this.can(principal, permission, objectKey))) throw forbidden();
  }

  /** Object keys that a list may show, or `all`. */
  async objectsWith(principal: Principal, permission: string): Promise<'all' | string[]> {
    return (await this.permissionsOf(principal)).objectsWith(permission);
  }

  /** Names of the permissions that the principal has on an object, sorted. */
  async myPermissions(principal: Principal, objectKey: string): Promise<string[]> {
    const model = modelOfKey(objectKey);
    const names = PERMISSION_NAMES.filter((permission) => modelOf(permission) === model);
    return (await this.permissionsOf(principal)).on(objectKey, names);
  }

  /** The facts that decisions about registry requests rest on. */
  async rightsHolder(principal: Principal): Promise<RightsHolder> {
    if (principal.kind === 'anonymous') return { kind: 'anonymous' };
    if (principal.kind === 'user')
      return { kind: 'user', username: principal.username, permissions: await this.permissionsOf(principal) };
    const { username } = principal.owner;
    return {
      kind: 'robot',
      username,
      permissions: await this.permissionsOf(principal.owner),
      scopes: principal.scopes,
    };
  }
}

/** Gives the maker of an object the role on it; nobody gets a role for what anonymous made, a robot's owner for what it made. */
export async function grantOwner(
  tx: EntityManager,
  principal: Principal,
  roleName: string,
  objectKey: string,
): Promise<void> {
  if (principal.kind === 'anonymous') return;
  const userId = principal.kind === 'user' ? principal.id : principal.owner.id;
  await giveRole(tx, userId, roleName, objectKey);
}

async function readGrants(source: DataSource, userId: number): Promise<Grant[]> {
  return await rowsOf<Grant>(
    source,
    `select a.content_object as "contentObject", r.permissions
       from role_assignment a join role r on r.id = a.role_id
      where a.user_id = $1
         or a.group_id in (select m.group_id from access_group_member m where m.user_id = $1)`,
    [userId],
  );
}
