import type { EntityManager } from 'typeorm';
import { isUniqueViolation, rowsOf } from '#platform/database.js';
import { forbidden, invalid, notFound } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { announceGrants } from './access-changes.js';
import { LOCKED_ROLES } from './locked-roles.js';
import { modelOf } from './permission-names.js';
import { Role } from './role.entity.js';
import { expireTokens } from './users.js';

/** What callers may set on a role. */
export interface RoleFields {
  readonly name: string;
  readonly description: string | null;
  readonly permissions: readonly string[];
}

/** Writes the product's own roles as this version has them; run at every start, changes only what differs. */
export async function seedRoles(tx: EntityManager): Promise<void> {
  const changed = await rowsOf<{ name: string }>(
    tx,
    `insert into role (id, name, description, permissions, locked)
     select each.id::uuid, each.name, each.description, array(select jsonb_array_elements_text(each.permissions)), true
       from jsonb_to_recordset($1::jsonb) as each(id text, name text, description text, permissions jsonb)
     on conflict (name) do update
        set description = excluded.description, permissions = excluded.permissions, locked = true, pulp_last_updated = now()
      where (role.description, role.permissions, role.locked)
         is distinct from (excluded.description, excluded.permissions, true)
     returning name`,
    [JSON.stringify(LOCKED_ROLES.map((role) => ({ id: newId(), ...role })))],
  );
  if (changed.length > 0) await announceGrants(tx, '*');
}

/** Makes a role. */
export async function createRole(
  tx: EntityManager,
  fields: Pick<RoleFields, 'name' | 'permissions'> & Partial<RoleFields>,
): Promise<Role> {
  checkFields(fields);
  const role = { id: newId(), description: null, ...fields, permissions: sorted(fields.permissions) };
  await unique(() => tx.insert(Role, role));
  return await getRole(tx, role.id);
}

/** One role by id. */
export async function getRole(tx: EntityManager, id: string): Promise<Role> {
  const role = await tx.findOneBy(Role, { id });
  if (!role) throw notFound('No Role matches the given query.');
  return role;
}

/** One role by name, as callers name it in assignments. */
export async function getRoleByName(tx: EntityManager, name: string, field = 'role'): Promise<Role> {
  const role = name.includes('\0') ? null : await tx.findOneBy(Role, { name });
  if (!role) throw invalid(`Object with name=${name} does not exist.`, field);
  return role;
}

/** Changes a role that is not locked; its holders have the new permissions at once. */
export async function updateRole(tx: EntityManager, id: string, changes: Partial<RoleFields>): Promise<Role> {
  await unlocked(tx, id);
  checkFields(changes);
  const { permissions, ...rest } = changes;
  const row = permissions ? { ...rest, permissions: sorted(permissions) } : rest;
  await unique(() => tx.update(Role, { id }, row));
  if (permissions) await expireTokens(tx, await holders(tx, id));
  return await getRole(tx, id);
}

/** Removes a role that is not locked, with its assignments. */
export async function deleteRole(tx: EntityManager, id: string): Promise<void> {
  await unlocked(tx, id);
  const lost = await holders(tx, id);
  await tx.delete(Role, { id });
  await expireTokens(tx, lost);
}

/** Ids of the users that hold a role, themselves or by a group. */
async function holders(tx: EntityManager, roleId: string): Promise<number[]> {
  const rows = await rowsOf<{ id: number }>(
    tx,
    `select user_id as id from role_assignment where role_id = $1 and user_id is not null
      union
     select m.user_id from role_assignment a join access_group_member m on m.group_id = a.group_id where a.role_id = $1
      order by 1`,
    [roleId],
  );
  return rows.map(({ id }) => id);
}

/** Refuses the product's own roles; nobody gets or loses another one until the transaction ends. */
async function unlocked(tx: EntityManager, id: string): Promise<void> {
  await tx.query('select 1 from role where id = $1 for update', [id]);
  if ((await getRole(tx, id)).locked) throw forbidden('The role is locked.');
}

function checkFields({ name, permissions }: Partial<RoleFields>): void {
  if (name === '') throw invalid('This field may not be blank.', 'name');
  if (name !== undefined && name.length > 128)
    throw invalid('Ensure this field has no more than 128 characters.', 'name');
  const unknown = permissions?.find((permission) => modelOf(permission) === undefined);
  if (unknown !== undefined) throw invalid(`Permission "${unknown.slice(0, 200)}" does not exist.`, 'permissions');
}

function sorted(permissions: readonly string[]): string[] {
  return [...new Set(permissions)].toSorted();
}

async function unique<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (isUniqueViolation(error)) throw invalid('This field must be unique.', 'name');
    throw error;
  }
}
