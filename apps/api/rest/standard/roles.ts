import { addRole, listRoles, removeRole } from '#access/role-assignments.js';
import { modelOf, objectKey, PERMISSION_NAMES } from '#access/permission-names.js';
import { TextField, TextListField } from '../body/fields.js';
import type { RestContext } from '../context.js';
import { requireKeyOf } from '../keys.js';
import { GetRoute, PostRoute } from '../operation.js';
import type { Resource } from '../resource.js';
import type { Rest } from '../rest.js';
import type { StandardRoute } from '../rest-controller.js';

class NestedRole {
  @TextListField({ optional: true, fallback: [] })
  users: string[];

  @TextListField({ optional: true, fallback: [] })
  groups: string[];

  @TextField()
  role: string;
}

const NAMES = { type: 'array', items: { type: 'string' } };
const NESTED = {
  type: 'object',
  properties: { users: NAMES, groups: NAMES, role: { type: 'string' } },
  required: ['role'],
};
const NESTED_ANSWER = { schema: 'NestedRoleResponse', of: NESTED };
const LISTED = {
  type: 'object',
  properties: { roles: { type: 'array', items: { $ref: '#/components/schemas/NestedRoleResponse' } } },
  required: ['roles'],
};
const PERMISSIONS = { type: 'object', properties: { permissions: NAMES }, required: ['permissions'] };

/** How roles name the object in the path, which must exist. */
async function keyIn(rest: Rest, resource: Resource, context: RestContext): Promise<string> {
  const id = requireKeyOf(resource, context.param('id'));
  await rest.demandExists(resource, id);
  return objectKey(resource.model, id);
}

async function change(rest: Rest, resource: Resource, context: RestContext, apply: typeof addRole) {
  const key = await keyIn(rest, resource, context);
  const { users, groups, role } = await rest.body(context, NestedRole);
  await rest.source.transaction((tx) => apply(tx, { role, users, groups, objectKey: key }));
  return { users, groups, role };
}

async function myPermissions(rest: Rest, resource: Resource, context: RestContext) {
  const key = await keyIn(rest, resource, context);
  const names = PERMISSION_NAMES.filter((name) => modelOf(name) === resource.model);
  const held = await rest.decisions.rightsOn(context, { model: resource.model, id: context.param('id').toLowerCase() });
  return { permissions: held.on(key, names) };
}

const body = { schema: 'NestedRole', of: NestedRole };

/** `list_roles/`, `add_role/`, `remove_role/` and `my_permissions/` of a member. */
export const ROLES: readonly StandardRoute[] = [
  {
    name: 'addRole',
    route: PostRoute(':id/add_role', {
      action: 'add_role',
      summary: 'Give a role on this object to users or groups',
      body,
      answers: { 201: NESTED_ANSWER },
    }),
    handle: (rest, resource, context) => change(rest, resource, context, addRole),
  },
  {
    name: 'removeRole',
    route: PostRoute(':id/remove_role', {
      action: 'remove_role',
      summary: 'Take a role on this object from users or groups',
      body,
      answers: { 201: NESTED_ANSWER },
    }),
    handle: (rest, resource, context) => change(rest, resource, context, removeRole),
  },
  {
    name: 'listRoles',
    route: GetRoute(':id/list_roles', {
      action: 'list_roles',
      summary: 'List the roles on this object',
      answers: { 200: { schema: 'ObjectRolesResponse', of: LISTED } },
    }),
    handle: async (rest, resource, context) => ({
      roles: await listRoles(rest.source.manager, await keyIn(rest, resource, context)),
    }),
  },
  {
    name: 'myPermissions',
    route: GetRoute(':id/my_permissions', {
      action: 'my_permissions',
      summary: 'List the permissions that the caller has on this object',
      answers: { 200: { schema: 'MyPermissionsResponse', of: PERMISSIONS } },
    }),
    handle: myPermissions,
  },
];
