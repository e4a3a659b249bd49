import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createRobot, revokeRobot } from '#access/robots.js';
import { createSession, endSession, sessionUser } from '#access/sessions.js';
import { createUser, updateUser } from '#access/users.js';
import { addMember, createGroup } from '#access/groups.js';
import { basic, heard, makeUser, signIn, startWorld, type World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const WRONG = { kind: 'unauthenticated', message: 'Invalid username/password.' };

it('nobody is anonymous, and so is the empty name with the empty password', async () => {
  for (const header of [undefined, 'Basic Og==', 'Bearer x'])
    expect(await world.one.authenticator.authenticate(header, '::1')).toMatchObject({
      kind: 'anonymous',
      username: '',
    });
});

it('a user signs in by name and password with the groups he is in', async () => {
  const user = await makeUser(world, 'ann');
  const group = await world.source.transaction((tx) => createGroup(tx, 'readers'));
  await world.source.transaction((tx) => addMember(tx, group.id, 'ann'));
  expect(await signIn(world.one, 'ann')).toMatchObject({
    kind: 'user',
    id: user.id,
    username: 'ann',
    isSuperuser: false,
    groups: [group.id],
  });
});

it.each([
  ['a wrong password', 'ann', 'pass-wore'],
  ['an unknown name', 'nobody', 'pass-word'],
  ['a name with a null byte', 'ann\0', 'pass-word'],
  ['an unknown robot', 'robot$nobody', 'x'],
  ['an empty password', 'ann', ''],
])('%s is refused with the same words', async (_why, name, password) => {
  await expect(signIn(world.one, name, password)).rejects.toMatchObject(WRONG);
});

it('an account without a password cannot sign in with any', async () => {
  await world.source.transaction((tx) => createUser(tx, { username: 'keyless' }));
  await expect(signIn(world.one, 'keyless', '')).rejects.toMatchObject(WRONG);
});

it('a hundred requests cost one password hash and no query', async () => {
  await makeUser(world, 'busy');
  await heard(world);
  const before = world.one.hasher.computed;
  await Promise.all(Array.from({ length: 100 }, () => signIn(world.one, 'busy')));
  expect(world.one.hasher.computed - before).toBe(1);
  const queries = vi.spyOn(world.source, 'query');
  expect(await signIn(world.one, 'busy')).toMatchObject({ username: 'busy' });
  expect(world.one.authenticator.peek(basic('busy', 'pass-word'))).toMatchObject({ username: 'busy' });
  expect(world.one.authenticator.peek(basic('busy', 'pass-wore'))).toBeUndefined();
  expect(world.one.authenticator.peek('')).toBeUndefined();
  expect(queries).not.toHaveBeenCalled();
  queries.mockRestore();
});

it('C9 an old password and a disabled account stop working in the other process at once', async () => {
  const { id } = await makeUser(world, 'cut');
  await signIn(world.other, 'cut');
  const passwordHash = await world.one.hasher.hash('another one');
  await world.source.transaction((tx) => updateUser(tx, id, { passwordHash }));
  await heard(world);
  await expect(signIn(world.other, 'cut')).rejects.toMatchObject(WRONG);
  expect(await signIn(world.other, 'cut', 'another one')).toMatchObject({ id });
  await world.source.transaction((tx) => updateUser(tx, id, { isActive: false }));
  await heard(world);
  await expect(signIn(world.other, 'cut', 'another one')).rejects.toMatchObject(WRONG);
});

it('G10 while changes cannot be heard nothing is believed without asking, yet no password is hashed again', async () => {
  const { id } = await makeUser(world, 'deaf');
  await heard(world);
  await signIn(world.one, 'deaf');
  const before = world.one.hasher.computed;
  world.one.feed.connected = false;
  expect(await signIn(world.one, 'deaf')).toMatchObject({ id });
  expect(world.one.hasher.computed).toBe(before);
  await world.source.query('update user_account set is_active = false where id = $1', [id]);
  await expect(signIn(world.one, 'deaf')).rejects.toMatchObject(WRONG);
  world.one.feed.connected = true;
});

it('C15 guessing is slowed for the account and address, and a known password still works', async () => {
  await makeUser(world, 'target');
  await heard(world);
  await signIn(world.one, 'target');
  const guesses = await Promise.allSettled(
    Array.from({ length: 30 }, (_each, index) =>
      world.one.authenticator.authenticate(basic('target', `guess ${index}`), '10.9.9.9'),
    ),
  );
  const kinds = guesses.map((each) => (each.status === 'rejected' ? each.reason.kind : 'in'));
  expect(kinds.filter((kind) => kind === 'unauthenticated')).toHaveLength(10);
  expect(kinds.filter((kind) => kind === 'throttled')).toHaveLength(20);
  expect(await signIn(world.one, 'target')).toMatchObject({ username: 'target' });
});

it('C9 a robot signs in with its secret until it is revoked, and its use is noted', async () => {
  const owner = await makeUser(world, 'robots-owner');
  const scopes = [{ repository: 'team/*', actions: ['pull', 'push'] as const }];
  const { robot, secret } = await world.source.transaction((tx) =>
    createRobot(tx, { name: 'ci', ownerId: owner.id, scopes }),
  );
  expect(JSON.stringify(await world.source.query('select * from robot_account'))).not.toContain(secret);
  await heard(world);
  expect(await signIn(world.other, 'robot$ci', secret)).toMatchObject({
    kind: 'robot',
    id: robot.id,
    username: 'robot$ci',
    isSuperuser: false,
    scopes,
  });
  await expect(signIn(world.other, 'robot$ci', `${secret}x`)).rejects.toMatchObject(WRONG);
  await world.other.robotUse.flush();
  const [used] = (await world.source.query('select last_used from robot_account where id = $1', [
    robot.id,
  ])) as object[];
  expect(used).toEqual({ last_used: expect.any(Date) });
  await world.source.transaction((tx) => revokeRobot(tx, robot.id));
  await heard(world);
  await expect(signIn(world.other, 'robot$ci', secret)).rejects.toMatchObject(WRONG);
});

it('a robot ends with its time and with its owner', async () => {
  const owner = await makeUser(world, 'leaver');
  const scopes = [{ repository: '**', actions: ['pull'] as const }];
  const make = (name: string, expiresAt: Date | null) =>
    world.source.transaction((tx) => createRobot(tx, { name, ownerId: owner.id, scopes, expiresAt }));
  const short = await make('short', new Date(Date.now() + 400));
  const long = await make('long', null);
  await heard(world);
  expect(await signIn(world.one, 'robot$short', short.secret)).toMatchObject({ kind: 'robot' });
  await new Promise((done) => setTimeout(done, 450));
  await expect(signIn(world.one, 'robot$short', short.secret)).rejects.toMatchObject(WRONG);
  expect(await signIn(world.one, 'robot$long', long.secret)).toMatchObject({ kind: 'robot' });
  await world.source.transaction((tx) => updateUser(tx, owner.id, { isActive: false }));
  await heard(world);
  await expect(signIn(world.one, 'robot$long', long.secret)).rejects.toMatchObject(WRONG);
  await expect(make('past', new Date(Date.now() - 1))).rejects.toMatchObject({ kind: 'invalid' });
  await expect(make('long', null)).rejects.toMatchObject({ kind: 'invalid', message: 'This field must be unique.' });
});

it('a session knows its user until it ends or the password changes', async () => {
  const { id } = await makeUser(world, 'browser');
  const begin = () => world.source.transaction((tx) => createSession(tx, id));
  const [first, second] = [await begin(), await begin()];
  expect(await sessionUser(world.source, first)).toMatchObject({ username: 'browser' });
  await world.source.transaction((tx) => endSession(tx, first));
  expect(await sessionUser(world.source, first)).toBeUndefined();
  expect(await sessionUser(world.source, second)).toMatchObject({ id });
  await world.source.transaction((tx) => updateUser(tx, id, { passwordHash: 'another' }));
  expect(await sessionUser(world.source, second)).toBeUndefined();
});
