import { afterAll, beforeAll, expect, it } from 'vitest';
import { AccessPolicy } from '#access/access-policy.entity.js';
import { customizePolicy, resetPolicy, seedPolicies } from '#access/access-policies.js';
import { ensureAdmin, resetPassword } from '#access/admin-account.js';
import { prepareAccess } from '#access/first-start.js';
import { addMember, createGroup, listMembers, removeMember, renameGroup } from '#access/groups.js';
import { TokenKey } from '#access/token-key.entity.js';
import { UserAccount } from '#access/user.entity.js';
import { checkPassword, createUser, deleteUser, updateUser, type UserFields } from '#access/users.js';
import { createTestDatabase } from '../database.js';
import { fastHasher, heard, makeUser, signIn, startWorld, type World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const LAST = { kind: 'conflict', code: 'LAST_ADMIN' };
const update = (id: number, changes: Partial<UserFields>) =>
  world.source.transaction((tx) => updateUser(tx, id, changes));

it('two processes that start first at once make one admin, one key and one password', async () => {
  const empty = await createTestDatabase();
  const start = () => prepareAccess(empty.source, { adminPassword: undefined });
  const passwords = await Promise.all([start(), start()]);
  expect(passwords.filter((each) => each !== undefined)).toHaveLength(1);
  expect(await empty.source.manager.find(UserAccount)).toMatchObject([{ username: 'admin', isSuperuser: true }]);
  expect(await empty.source.manager.count(TokenKey)).toBe(1);
  expect(await prepareAccess(empty.source, { adminPassword: 'ignored now' })).toBeUndefined();
  await empty.drop();
});

it('C19 admin gets the password of the settings at first start only, and a new one by the operator', async () => {
  expect(await ensureAdmin(world.source, 'first-password', fastHasher())).toBeUndefined();
  expect(await ensureAdmin(world.source, 'second-password', fastHasher())).toBeUndefined();
  await heard(world);
  expect(await signIn(world.one, 'admin', 'first-password')).toMatchObject({ isSuperuser: true });
  const generated = await resetPassword(world.source, 'admin', undefined, fastHasher());
  await heard(world);
  expect(generated).toHaveLength(20);
  expect(await signIn(world.one, 'admin', generated)).toMatchObject({ isSuperuser: true });
  await expect(signIn(world.one, 'admin', 'first-password')).rejects.toMatchObject({ kind: 'unauthenticated' });
  await expect(resetPassword(world.source, 'nobody', 'x', fastHasher())).rejects.toMatchObject({ kind: 'not-found' });
});

it('the last superuser can be neither deleted, demoted, switched off nor left without a password', async () => {
  const admin = await world.source.manager.findOneByOrFail(UserAccount, { username: 'admin' });
  await expect(world.source.transaction((tx) => deleteUser(tx, admin.id))).rejects.toMatchObject(LAST);
  for (const changes of [{ isSuperuser: false }, { isActive: false }, { passwordHash: null }])
    await expect(update(admin.id, changes)).rejects.toMatchObject(LAST);
  expect(await update(admin.id, { firstName: 'Ada' })).toMatchObject({ firstName: 'Ada', isSuperuser: true });
  const second = await makeUser(world, 'second', 'pass-word', true);
  expect(await update(admin.id, { isSuperuser: false })).toMatchObject({ isSuperuser: false });
  await expect(world.source.transaction((tx) => deleteUser(tx, second.id))).rejects.toMatchObject(LAST);
  await resetPassword(world.source, 'admin', 'back again', fastHasher());
  await world.source.transaction((tx) => deleteUser(tx, second.id));
});

it('two superusers who demote each other at the same time cannot both succeed', async () => {
  const admin = await world.source.manager.findOneByOrFail(UserAccount, { username: 'admin' });
  const rival = await makeUser(world, 'rival', 'pass-word', true);
  let second: Promise<unknown> = Promise.resolve();
  await world.source.transaction(async (tx) => {
    await updateUser(tx, admin.id, { isSuperuser: false });
    second = update(rival.id, { isSuperuser: false }).catch((error: unknown) => error);
    await new Promise((done) => setTimeout(done, 100));
  });
  expect(await second).toMatchObject(LAST);
  await resetPassword(world.source, 'admin', 'back again', fastHasher());
});

it.each([
  ['', 'This field may not be blank.'],
  ['a'.repeat(151), 'Ensure this field has no more than 150 characters.'],
  ['with space', 'Enter a valid username.'],
  ['robot$x', 'Enter a valid username.'],
  ['null\0', 'Enter a valid username.'],
  ['admin', 'This field must be unique.'],
])('refuses the user name %j', async (username, message) => {
  await expect(world.source.transaction((tx) => createUser(tx, { username }))).rejects.toThrow(message);
});

it.each([
  ['short', 'This password is too short. It must contain at least 8 characters.'],
  ['1234567890', 'This password is entirely numeric.'],
  ['x'.repeat(1025), 'This password is too long.'],
])('refuses the password %.12s', (password, message) => {
  expect(() => checkPassword(password)).toThrow(message);
});

it('accepts a password that is long enough', () => {
  expect(() => checkPassword('long enough')).not.toThrow();
});

it('groups have members, found by name or id', async () => {
  const { id } = await makeUser(world, 'joiner');
  const group = await world.source.transaction((tx) => createGroup(tx, 'team'));
  await world.source.transaction((tx) => addMember(tx, group.id, 'joiner'));
  await world.source.transaction((tx) => addMember(tx, group.id, id));
  expect(await listMembers(world.source.manager, group.id)).toMatchObject([{ username: 'joiner' }]);
  await expect(world.source.transaction((tx) => addMember(tx, group.id, 'ghost'))).rejects.toThrow(
    'Could not find user ghost',
  );
  await world.source.transaction((tx) => removeMember(tx, group.id, id));
  await expect(world.source.transaction((tx) => removeMember(tx, group.id, id))).rejects.toMatchObject({
    kind: 'not-found',
  });
  expect(await world.source.transaction((tx) => renameGroup(tx, group.id, 'crew'))).toMatchObject({ name: 'crew' });
  await expect(world.source.transaction((tx) => createGroup(tx, 'crew'))).rejects.toThrow('This field must be unique.');
});

it('policies follow the product until somebody edits them, and come back on reset', async () => {
  const allow = { action: ['list'], principal: 'authenticated', effect: 'allow' } as const;
  const policy = { viewsetName: 'tasks', statements: [allow], creationHooks: null, querysetScoping: null };
  const seed = (fields: typeof policy) => world.source.transaction((tx) => seedPolicies(tx, [fields]));
  await seed(policy);
  const read = () => world.source.manager.findOneByOrFail(AccessPolicy, { viewsetName: 'tasks' });
  const { id } = await read();
  const newer = { ...policy, statements: [allow, { ...allow, action: ['retrieve'] }] } as unknown as typeof policy;
  await seed(newer);
  expect((await read()).statements).toHaveLength(2);
  await world.source.transaction((tx) => customizePolicy(tx, id, { statements: [] }));
  await seed(newer);
  expect(await read()).toMatchObject({ id, statements: [], customized: true });
  await world.source.transaction((tx) => resetPolicy(tx, id, [newer]));
  expect(await read()).toMatchObject({ id, customized: false, statements: newer.statements });
});
