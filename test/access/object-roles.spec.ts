import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGroup } from '#access/groups.js';
import type { UserAccount } from '#access/user.entity.js';
import { addRole, assignRole, forgetObjects, listRoles, removeRole } from '#access/role-assignments.js';
import { makeUser, startWorld, type World } from './world.js';

let world: World;
let ann: UserAccount;
beforeAll(async () => {
  world = await startWorld();
  ann = await makeUser(world, 'ann');
  await makeUser(world, 'bob');
});
afterAll(() => world.stop());

const tx = <T>(work: (manager: EntityManager) => Promise<T>) => world.source.transaction(work);

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
