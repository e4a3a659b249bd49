import type { DataSource, EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { forbidden } from '#platform/domain-error.js';
import { AccessCache } from './access-cache.js';
import type { AccessChanges } from './access-changes.js';
import { isNumerous, modelOf, modelOfKey, NUMEROUS_MODEL, PERMISSION_NAMES } from './permission-names.js';
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

  /** All rights of a principal but those on single tasks, which {@link can} looks up. */
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
    return (await this.rightsAbout(principal, objectKey)).has(permission, objectKey);
  }

  /** Throws `forbidden` unless {@link can}. */
  async demand(principal: Principal, permission: string, objectKey?: string): Promise<void> {
    if (!(await this.can(principal, permission, objectKey))) throw forbidden();
  }

  /** Object keys that a list may show, or `all`. */
  async objectsWith(principal: Principal, permission: string): Promise<'all' | string[]> {
    const keys = (await this.permissionsOf(principal)).objectsWith(permission);
    if (keys === 'all' || principal.kind !== 'user' || modelOf(permission) !== NUMEROUS_MODEL) return keys;
    return await readNumerous(this.source, principal.id, permission);
  }

  /** Names of the permissions that the principal has on an object, sorted. */
  async myPermissions(principal: Principal, objectKey: string): Promise<string[]> {
    const model = modelOfKey(objectKey);
    const names = PERMISSION_NAMES.filter((permission) => modelOf(permission) === model);
    return (await this.rightsAbout(principal, objectKey)).on(objectKey, names);
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

  /** {@link permissionsOf}, with those on the object even when it is a task. */
  async rightsAbout(principal: Principal, objectKey: string | undefined): Promise<PermissionSet> {
    if (objectKey === undefined || !isNumerous(objectKey) || principal.kind !== 'user' || principal.isSuperuser)
      return await this.permissionsOf(principal);
    return new PermissionSet(false, await readGrants(this.source, principal.id, objectKey));
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
  await giveRole(tx, { userId }, roleName, objectKey);
}

/** Grants on whole models and on all objects but the numerous ones, or with `key` on models and that one object. */
async function readGrants(source: DataSource, userId: number, key?: string): Promise<Grant[]> {
  const objects = key === undefined ? `a.content_object not like '${NUMEROUS_MODEL}:%'` : 'a.content_object = $2';
  const roles = await readRoles(
    source,
    `(a.content_object is null or ${objects})`,
    key === undefined ? [userId] : [userId, key],
  );
  return roles.flatMap(({ objects: held, permissions }) =>
    held.map((contentObject) => ({ contentObject, permissions })),
  );
}

async function readNumerous(source: DataSource, userId: number, permission: string): Promise<string[]> {
  const condition = `a.content_object like '${NUMEROUS_MODEL}:%' and $2 = any(r.permissions)`;
  const roles = await readRoles(source, condition, [userId, permission]);
  return [...new Set(roles.flatMap(({ objects }) => objects as string[]))];
}

/** Roles that a user holds himself and by his groups, in two parts so that each uses its index. */
async function readRoles(
  source: DataSource,
  condition: string,
  values: readonly unknown[],
): Promise<{ readonly permissions: string[]; readonly objects: (string | null)[] }[]> {
  const select = `select r.permissions, array_agg(a.content_object) as objects
                    from role_assignment a join role r on r.id = a.role_id`;
  return await rowsOf(
    source,
    `${select} where a.user_id = $1 and ${condition} group by r.id
      union all
     ${select} join access_group_member m on m.group_id = a.group_id
      where m.user_id = $1 and a.group_id is not null and ${condition} group by r.id`,
    values,
  );
}
