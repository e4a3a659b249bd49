import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addMember, createGroup, deleteGroup } from '#access/groups.js';
import { LOCKED_ROLES } from '#access/locked-roles.js';
import { modelOf, PERMISSION_NAMES } from '#access/permission-names.js';
import { grantOwner } from '#access/permissions.js';
import { ANONYMOUS, type UserPrincipal } from '#access/principal.js';
import {
  addRole,
  assignRole,
  deleteAssignment,
  forgetObjects,
  listAssignments,
  listRoles,
  removeRole,
} from '#access/role-assignments.js';
import { Role } from '#access/role.entity.js';
import { createRole, deleteRole, getRoleByName, seedRoles, updateRole } from '#access/roles.js';
import { heard, makeUser, signIn, startWorld, type World } from './world.js';

let world: World;
let ann: UserPrincipal;
let admin: UserPrincipal;
beforeAll(async () => {
  world = await startWorld();
  await makeUser(world, 'ann');
  await makeUser(world, 'bob');
  await makeUser(world, 'admin', 'pass-word', true);
  await heard(world);
  ann = await signIn(world.one, 'ann');
  admin = await signIn(world.one, 'admin');
});
afterAll(() => world.stop());

const tx = <T>(work: (manager: EntityManager) => Promise<T>) => world.source.transaction(work);
const can = (permission: string, key?: string, who = ann) => world.other.permissions.can(who, permission, key);

describe('each role on an object gives its permissions on that object and nowhere else', () => {
  it.each(LOCKED_ROLES.filter(({ permissions }) => permissions.length > 0))('$name', async ({ name, permissions }) => {
    const model = modelOf(permissions[0]!)!;
    const [mine, others] = [`${model}:mine-${name}`, `${model}:others-${name}`];
    await tx((manager) => addRole(manager, { role: name, users: ['ann'], objectKey: mine }));
    await heard(world);
    for (const permission of PERMISSION_NAMES.filter((each) => modelOf(each) === model)) {
      expect(await can(permission, mine), permission).toBe(permissions.includes(permission));
      expect(await can(permission, others), permission).toBe(false);
      expect(await can(permission), permission).toBe(false);
      expect(await world.one.permissions.can(admin, permission, others)).toBe(true);
      expect(await world.one.permissions.can(ANONYMOUS, permission, mine)).toBe(false);
    }
    expect(await world.one.permissions.myPermissions(ann, mine)).toEqual(permissions);
    expect(await world.one.permissions.myPermissions(ann, others)).toEqual([]);
  });
});

it('seeding again changes nothing, and repairs what was changed behind its back', async () => {
  const before = await world.source.manager.find(Role, { order: { name: 'ASC' } });
  await Promise.all([tx(seedRoles), tx(seedRoles)]);
  expect(await world.source.manager.find(Role, { order: { name: 'ASC' } })).toEqual(before);
  expect(before).toHaveLength(LOCKED_ROLES.length);
  await world.source.query(`update role set permissions = '{}', locked = false where name = 'core.task_owner'`);
  await tx(seedRoles);
  const { permissions, locked } = await getRoleByName(world.source.manager, 'core.task_owner');
  expect(permissions).toContain('core.delete_task');
  expect(locked).toBe(true);
});

it('a role on the model level holds for every object, and lists are not limited', async () => {
  const user = await makeUser(world, 'viewer');
  const viewer = await signIn(world.one, 'viewer');
  const view = 'container.view_containerrepository';
  expect(await world.one.permissions.objectsWith(viewer, view)).toEqual([]);
  const role = 'container.containerrepository_viewer';
  const given = await tx((manager) => assignRole(manager, { userId: user.id }, { role, contentObject: null }));
  await heard(world);
  expect(await can(view, 'container.containerrepository:any', viewer)).toBe(true);
  expect(await world.one.permissions.objectsWith(viewer, view)).toBe('all');
  expect(await listAssignments(world.source.manager, { userId: user.id })).toMatchObject([
    { id: given.id, contentObject: null, role: { name: role } },
  ]);
  await tx((manager) => deleteAssignment(manager, { userId: user.id }, given.id));
  await heard(world);
  expect(await can(view, 'container.containerrepository:any', viewer)).toBe(false);
  await expect(tx((manager) => deleteAssignment(manager, { userId: user.id }, given.id))).rejects.toMatchObject({
    kind: 'not-found',
  });
});

it('rights by a group come and go with the membership and the group', async () => {
  await makeUser(world, 'member');
  const member = await signIn(world.one, 'member');
  const group = await tx((manager) => createGroup(manager, 'devs'));
  const objectKey = 'container.containerrepository:g';
  await tx((manager) =>
    addRole(manager, { role: 'container.containerrepository_viewer', groups: ['devs'], objectKey }),
  );
  const view = 'container.view_containerrepository';
  expect(await can(view, objectKey, member)).toBe(false);
  await tx((manager) => addMember(manager, group.id, 'member'));
  await heard(world);
  expect(await can(view, objectKey, member)).toBe(true);
  expect(await world.one.permissions.objectsWith(member, view)).toEqual([objectKey]);
  await tx((manager) => deleteGroup(manager, group.id));
  await heard(world);
  expect(await can(view, objectKey, member)).toBe(false);
});

describe('roles on an object', () => {
  const objectKey = 'container.containerremote:listed';
  const role = 'container.containerremote_owner';

  it('are given, listed and taken with the texts that clients know', async () => {
    await tx((manager) => createGroup(manager, 'ops'));
    await tx((manager) => addRole(manager, { role, users: ['bob', 'ann'], groups: ['ops'], objectKey }));
    expect(await listRoles(world.source.manager, objectKey)).toEqual([
      { role, users: ['ann', 'bob'], groups: ['ops'] },
    ]);
    const again = (input: object) => tx((manager) => addRole(manager, { role, objectKey, ...input }));
    await expect(again({ users: ['bob'] })).rejects.toMatchObject({
      message: "The role is already assigned to user 'bob'.",
      options: { field: 'users' },
    });
    await expect(again({ groups: ['ops'] })).rejects.toMatchObject({
      message: "The role is already assigned to group 'ops'.",
    });
    await tx((manager) => removeRole(manager, { role, users: ['bob'], groups: ['ops'], objectKey }));
    expect(await listRoles(world.source.manager, objectKey)).toEqual([{ role, users: ['ann'], groups: [] }]);
    await expect(tx((manager) => removeRole(manager, { role, users: ['bob'], objectKey }))).rejects.toMatchObject({
      message: "The role is not assigned to user 'bob'.",
    });
  });

  it('are given to all or to none', async () => {
    const input = { role, users: ['bob', 'nobody'], objectKey };
    await expect(tx((manager) => addRole(manager, input))).rejects.toMatchObject({ kind: 'invalid' });
    await expect(tx((manager) => removeRole(manager, { role, users: ['ann', 'bob'], objectKey }))).rejects.toThrow(
      'bob',
    );
    expect(await listRoles(world.source.manager, objectKey)).toEqual([{ role, users: ['ann'], groups: [] }]);
  });

  it.each([
    [{ role: 'core.task_owner', users: ['ann'] }, 'The role does not contain any permission for that object.'],
    [{ role: 'no.such', users: ['ann'] }, 'Object with name=no.such does not exist.'],
    [{ role: 'a\0b', users: ['ann'] }, 'Object with name=a\0b does not exist.'],
    [{ role }, 'Name at least one of users and groups.'],
  ])('refuse %j', async (input, message) => {
    await expect(tx((manager) => addRole(manager, { objectKey, ...input }))).rejects.toMatchObject({
      kind: 'invalid',
      message,
    });
  });

  it('are forgotten with the object', async () => {
    await tx((manager) => forgetObjects(manager, [objectKey]));
    expect(await listRoles(world.source.manager, objectKey)).toEqual([]);
  });
});

it.each([
  [{ role: 'core.task_owner' }, /^Either 'content_object' or 'content_object_prn' needs to be specified\./],
  [{ role: 'core.task_owner', contentObject: 'core.task:1', domain: 'x' }, /^Domain and content_object are mutually/],
  [
    { role: 'core.task_owner', contentObject: 'core.upload:1' },
    /^The role 'core.task_owner' does not carry any permission for that object\.$/,
  ],
])('assigning %j is refused', async (input, message) => {
  await expect(tx((manager) => assignRole(manager, { userId: ann.id }, input))).rejects.toThrow(message);
});

it('assigning the same twice is refused, on the model level too', async () => {
  for (const contentObject of [null, 'core.task:twice']) {
    const give = () =>
      tx((manager) => assignRole(manager, { userId: ann.id }, { role: 'core.task_owner', contentObject }));
    await give();
    await expect(give()).rejects.toThrow('The role is already assigned to this user.');
  }
});

it('the maker of an object gets the role on it, once; nobody makes nothing', async () => {
  const key = 'container.containernamespace:made';
  const role = 'container.containernamespace_owner';
  for (const who of [ann, ann, ANONYMOUS]) await tx((manager) => grantOwner(manager, who, role, key));
  expect(await listRoles(world.source.manager, key)).toEqual([{ role, users: ['ann'], groups: [] }]);
  await heard(world);
  expect(await can('container.namespace_push_containerdistribution', key)).toBe(true);
});

it('own roles change and go at once, locked roles never', async () => {
  const view = 'container.view_containerrepository';
  const role = await tx((manager) => createRole(manager, { name: 'mine', permissions: [view, view] }));
  expect(role.permissions).toEqual([view]);
  const key = 'container.containerrepository:own';
  await tx((manager) => addRole(manager, { role: 'mine', users: ['ann'], objectKey: key }));
  await heard(world);
  expect(await can(view, key)).toBe(true);
  const permissions = ['container.change_containerrepository'];
  await tx((manager) => updateRole(manager, role.id, { permissions }));
  await heard(world);
  expect(await can(view, key)).toBe(false);
  expect(await can(permissions[0]!, key)).toBe(true);
  await tx((manager) => deleteRole(manager, role.id));
  await heard(world);
  expect(await can(permissions[0]!, key)).toBe(false);
  const locked = await getRoleByName(world.source.manager, 'core.task_owner');
  for (const change of [
    () => tx((manager) => updateRole(manager, locked.id, { description: 'x' })),
    () => tx((manager) => deleteRole(manager, locked.id)),
  ])
    await expect(change()).rejects.toMatchObject({ kind: 'forbidden', message: 'The role is locked.' });
  await expect(tx((manager) => createRole(manager, { name: 'core.task_owner', permissions: [] }))).rejects.toThrow(
    'This field must be unique.',
  );
  await expect(tx((manager) => createRole(manager, { name: 'odd', permissions: ['core.fly'] }))).rejects.toThrow(
    'Permission "core.fly" does not exist.',
  );
});

it('rights are read once, not per question', async () => {
  await world.one.permissions.can(ann, 'core.view_task');
  const { query } = world.source;
  world.source.query = () => Promise.reject(new Error('asked the database'));
  expect(await world.one.permissions.can(ann, 'core.fly')).toBe(false);
  world.source.query = query;
});
