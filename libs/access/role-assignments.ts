import { In, type EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { invalid, notFound } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { announceGrants } from './access-changes.js';
import { AccessGroup } from './group.entity.js';
import { memberIds } from './groups.js';
import { isNumerous, modelOf, modelOfKey } from './permission-names.js';
import { RoleAssignment } from './role-assignment.entity.js';
import type { Role } from './role.entity.js';
import { getRoleByName } from './roles.js';
import { UserAccount } from './user.entity.js';
import { expireTokens } from './users.js';

/** Who holds a role: a user or a group. */
export type Holder = { readonly userId: number } | { readonly groupId: number };

/** A role to give or take on an object, with names as callers send them. */
export interface ObjectRole {
  readonly role: string;
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
  readonly objectKey: string;
}

/** A role that somebody holds on an object. */
export interface RoleListing {
  readonly role: string;
  readonly users: string[];
  readonly groups: string[];
}

interface NamedHolder {
  readonly holder: Holder;
  readonly label: string;
}

/** Gives a role on an object to users and groups, all or none. */
export async function addRole(tx: EntityManager, input: ObjectRole): Promise<void> {
  const role = await getRoleByName(tx, input.role);
  if (!suits(role, input.objectKey)) throw invalid('The role does not contain any permission for that object.', 'role');
  for (const { holder, label } of await namedHolders(tx, input))
    if (!(await insert(tx, role, holder, input.objectKey)))
      throw invalid(`The role is already assigned to ${label}.`, field(holder));
}

/** Takes a role on an object from users and groups, all or none. */
export async function removeRole(tx: EntityManager, input: ObjectRole): Promise<void> {
  const role = await getRoleByName(tx, input.role);
  for (const { holder, label } of await namedHolders(tx, input)) {
    const { affected } = await tx.delete(RoleAssignment, {
      roleId: role.id,
      contentObject: input.objectKey,
      ...holder,
    });
    if (!affected) throw invalid(`The role is not assigned to ${label}.`, field(holder));
    await expireTokens(tx, await usersOf(tx, holder));
  }
}

/** Roles on one object with their holders, by role name. */
export async function listRoles(tx: EntityManager, objectKey: string): Promise<RoleListing[]> {
  return await rowsOf<RoleListing>(
    tx,
    `select r.name as role,
            coalesce(array_agg(u.username order by u.username) filter (where u.id is not null), '{}')::text[] as users,
            coalesce(array_agg(g.name order by g.name) filter (where g.id is not null), '{}')::text[] as groups
       from role_assignment a join role r on r.id = a.role_id
       left join user_account u on u.id = a.user_id
       left join access_group g on g.id = a.group_id
      where a.content_object = $1
      group by r.name order by r.name`,
    [objectKey],
  );
}

/** Gives one holder a role on an object, or (`null`) on everything; both absent is the caller's mistake. */
export async function assignRole(
  tx: EntityManager,
  holder: Holder,
  input: { readonly role: string; readonly contentObject?: string | null; readonly domain?: string | null },
): Promise<RoleAssignment> {
  const { contentObject, domain } = input;
  if (contentObject === undefined)
    throw invalid(
      "Either 'content_object' or 'content_object_prn' needs to be specified. Send null to give the role on the model level.",
      'non_field_errors',
    );
  if (contentObject !== null && domain !== undefined && domain !== null)
    throw invalid('Domain and content_object are mutually exclusive.', 'non_field_errors');
  const role = await getRoleByName(tx, input.role);
  if (contentObject !== null && !suits(role, contentObject))
    throw invalid(`The role '${role.name}' does not carry any permission for that object.`, 'non_field_errors');
  const id = await insert(tx, role, holder, contentObject);
  if (!id) {
    const whom = 'userId' in holder ? 'user' : 'group';
    throw invalid(`The role is already assigned to this ${whom}.`, 'non_field_errors');
  }
  return await getAssignment(tx, holder, id);
}

/** Assignments of one holder with their roles, oldest first. */
export async function listAssignments(tx: EntityManager, holder: Holder): Promise<RoleAssignment[]> {
  return await tx.find(RoleAssignment, { where: holder, relations: { role: true }, order: { id: 'ASC' } });
}

/** One assignment of a holder, with its role. */
export async function getAssignment(tx: EntityManager, holder: Holder, id: string): Promise<RoleAssignment> {
  const found = await tx.findOne(RoleAssignment, { where: { id, ...holder }, relations: { role: true } });
  if (!found) throw notFound(`No ${'userId' in holder ? 'UserRole' : 'GroupRole'} matches the given query.`);
  return found;
}

/** Takes one assignment away. */
export async function deleteAssignment(tx: EntityManager, holder: Holder, id: string): Promise<void> {
  await getAssignment(tx, holder, id);
  await tx.delete(RoleAssignment, { id });
  await expireTokens(tx, await usersOf(tx, holder));
}

/** Forgets the roles on objects that are gone. */
export async function forgetObjects(tx: EntityManager, objectKeys: readonly string[]): Promise<void> {
  if (objectKeys.length === 0) return;
  const { affected } = await tx.delete(RoleAssignment, { contentObject: In([...objectKeys]) });
  if (affected) await announceGrants(tx, '*');
}

/** Gives somebody a role on an object, if he does not have it yet; true when he did not. */
export async function giveRole(tx: EntityManager, holder: Holder, roleName: string, key: string): Promise<boolean> {
  return (await insert(tx, await getRoleByName(tx, roleName), holder, key)) !== undefined;
}

async function insert(
  tx: EntityManager,
  role: Role,
  holder: Holder,
  contentObject: string | null,
): Promise<string | undefined> {
  const { userId = null, groupId = null } = holder as { userId?: number; groupId?: number };
  const [row] = await rowsOf<{ id: string }>(
    tx,
    `insert into role_assignment (id, role_id, user_id, group_id, content_object) values ($1, $2, $3, $4, $5)
     on conflict do nothing returning id`,
    [newId(), role.id, userId, groupId, contentObject],
  );
  if (row && !(contentObject && isNumerous(contentObject)))
    for (const user of await usersOf(tx, holder)) await announceGrants(tx, user);
  return row?.id;
}

async function usersOf(tx: EntityManager, holder: Holder): Promise<number[]> {
  return 'userId' in holder ? [holder.userId] : await memberIds(tx, holder.groupId);
}

async function namedHolders(tx: EntityManager, { users = [], groups = [] }: ObjectRole): Promise<NamedHolder[]> {
  if (users.length === 0 && groups.length === 0)
    throw invalid('Name at least one of users and groups.', 'non_field_errors');
  const found = [];
  for (const username of new Set(users)) {
    const user = await tx.findOneBy(UserAccount, { username });
    if (!user) throw invalid(`Object with username=${username} does not exist.`, 'users');
    found.push({ holder: { userId: user.id }, label: `user '${username}'` });
  }
  for (const name of new Set(groups)) {
    const group = await tx.findOneBy(AccessGroup, { name });
    if (!group) throw invalid(`Object with name=${name} does not exist.`, 'groups');
    found.push({ holder: { groupId: group.id }, label: `group '${name}'` });
  }
  return found;
}

function suits(role: Role, objectKey: string): boolean {
  const model = modelOfKey(objectKey);
  return role.permissions.some((permission) => modelOf(permission) === model);
}

function field(holder: Holder): string {
  return 'userId' in holder ? 'users' : 'groups';
}
