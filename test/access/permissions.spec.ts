import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addMember, createGroup, deleteGroup } from '#access/groups.js';
import { LOCKED_ROLES } from '#access/locked-roles.js';
import { modelOf, PERMISSION_NAMES } from '#access/permission-names.js';
import { grantOwner } from '#access/permissions.js';
import { ANONYMOUS, type Principal, type UserPrincipal } from '#access/principal.js';
import {
  addRole,
  assignRole,
  deleteAssignment,
  giveRole,
  listAssignments,
  listRoles,
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
    const names = PERMISSION_NAMES.filter((each) => modelOf(each) === model);
    const held = async (key?: string, who: Principal = ann) => {
      const answers = await Promise.all(names.map((permission) => world.other.permissions.can(who, permission, key)));
      return names.filter((_permission, index) => answers[index]);
    };
    expect(await held(mine)).toEqual(permissions);
    expect(await held(others)).toEqual([]);
    expect(await held()).toEqual([]);
    expect(await held(others, admin)).toEqual(names);
    expect(await held(mine, ANONYMOUS)).toEqual([]);
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

it('whoever comes into a group, or gets a role, while that is taken away loses his tokens with the others', async () => {
  const user = await makeUser(world, 'late');
  const group = await tx((manager) => createGroup(manager, 'doomed'));
  const role = await tx((manager) => createRole(manager, { name: 'doomed', permissions: ['core.view_upload'] }));
  const generation = async () =>
    world.source.query('select token_generation as n from user_account where id = $1', [user.id]);
  const races = [
    [(m) => addMember(m, group.id, user.id), (m) => deleteGroup(m, group.id)],
    [(m) => giveRole(m, { userId: user.id }, 'doomed', 'core.upload:1'), (m) => deleteRole(m, role.id)],
  ] as readonly (readonly ((manager: EntityManager) => Promise<unknown>)[])[];
  for (const [at, [give, take]] of races.entries()) {
    const runner = world.source.createQueryRunner();
    await runner.startTransaction();
    await give!(runner.manager);
    const taken = tx(take!);
    await vi.waitFor(async () => {
      const waiting =
        "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
      expect(await world.source.query(waiting)).toEqual([{ n: 1 }]);
    });
    await runner.commitTransaction();
    await runner.release();
    await taken;
    expect(await generation()).toEqual([{ n: at + 1 }]);
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

it('rights on single tasks are looked up, so that dispatching many costs the dispatcher nothing', async () => {
  await makeUser(world, 'dispatcher');
  await heard(world);
  const dispatcher = await signIn(world.one, 'dispatcher');
  const [task, view] = ['core.task:0191', 'core.view_task'];
  const before = await world.one.permissions.permissionsOf(dispatcher);
  await tx((manager) => grantOwner(manager, dispatcher, 'core.task_owner', task));
  await heard(world);
  expect(await world.one.permissions.permissionsOf(dispatcher)).toBe(before);
  expect(await can(view, task, dispatcher)).toBe(true);
  expect(await can(view, 'core.task:0192', dispatcher)).toBe(false);
  expect(await world.one.permissions.objectsWith(dispatcher, view)).toEqual([task]);
  expect(await world.one.permissions.objectsWith(dispatcher, 'core.view_upload')).toEqual([]);
  expect(await world.one.permissions.objectsWith(admin, view)).toBe('all');
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
  const queries = vi.spyOn(world.source, 'query');
  expect(await world.one.permissions.can(ann, 'core.fly')).toBe(false);
  expect(queries).not.toHaveBeenCalled();
  queries.mockRestore();
});
