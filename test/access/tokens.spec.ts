import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Principal } from '#access/principal.js';
import { addMember, createGroup, removeMember } from '#access/groups.js';
import { grantOwner } from '#access/permissions.js';
import { removeRole } from '#access/role-assignments.js';
import { createRobot, revokeRobot } from '#access/robots.js';
import { permits } from '#access/token-claims.js';
import { libtrustKeyId, rotateTokenKey } from '#access/token-keys.js';
import { updateUser } from '#access/users.js';
import { heard, makeUser, SETTINGS, signIn, startWorld, type World } from './world.js';

let world: World;
let ann: Principal;
beforeAll(async () => {
  world = await startWorld();
  await makeUser(world, 'ann');
  await heard(world);
  ann = await signIn(world.one, 'ann');
});
afterAll(() => world.stop());

const ACCESS = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];
const REFUSED = {
  kind: 'unauthenticated',
  message: 'Access to the requested resource is not authorized. The provided Bearer token is invalid.',
};
const issue = async (principal = ann) => (await world.one.issuer.issue(principal, SETTINGS.publicHost, ACCESS)).token;
const check = (token: string, at = world.other) => at.verifier.verify(`Bearer ${token}`);
const read = (segment: string) => JSON.parse(Buffer.from(segment, 'base64url').toString());

it('a token of one process holds in the other, with the claims and the answer that clients expect', async () => {
  const before = Date.now();
  const answer = await world.one.issuer.issue(ann, SETTINGS.publicHost, ACCESS);
  expect(answer).toEqual({
    token: answer.token,
    access_token: answer.token,
    expires_in: 300,
    issued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
  });
  expect(Math.abs(Date.parse(answer.issued_at) - before)).toBeLessThan(2000);
  const [header, claims] = answer.token.split('.').slice(0, 2).map(read);
  expect(header).toEqual({ alg: 'ES256', typ: 'JWT', kid: expect.stringMatching(/^([A-Z2-7]{4}:){11}[A-Z2-7]{4}$/) });
  expect(claims).toMatchObject({ aud: SETTINGS.publicHost, iss: 'https://hub.example:8443/token/', sub: 'ann' });
  expect(claims.exp - claims.iat).toBe(300);
  expect(claims.jti).toMatch(/^[0-9a-f-]{36}$/);
  const { claims: verified, principal } = await check(answer.token);
  expect(verified.access).toEqual(ACCESS);
  expect(principal).toEqual(ann);
  expect(permits(verified, 'repository', 'team/app', 'pull')).toBe(true);
});

it('carries rights on exactly one name', async () => {
  const { claims } = await check(await issue());
  for (const name of ['team/app/b', 'team', 'Team/app', 'team%2fapp', ''])
    expect(permits(claims, 'repository', name, 'pull')).toBe(false);
  expect(permits(claims, 'repository', 'team/app', 'push')).toBe(false);
  expect(permits(claims, 'registry', 'team/app', 'pull')).toBe(false);
});

it('the key id is the one that libtrust computes', () => {
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: '3gAwX48IQ5oaYQAYSxor6rYYc_6yjuLCjtQ9LUakg4A',
    y: 't72ge6kIA1XOjqjVoEOiPPAURltJFBMGDSQvEGVB010',
  };
  expect(libtrustKeyId(createPublicKey({ key: jwk, format: 'jwk' }))).toBe(
    'OD6I:6DRK:JXEJ:KBM4:255X:NSAA:MUSF:E4VM:ZI6W:CUN2:L4Z6:LSF4',
  );
});

it('tokens are for this service only', async () => {
  await expect(world.one.issuer.issue(ann, undefined, [])).rejects.toMatchObject({
    kind: 'invalid',
    message: 'No service name provided.',
  });
  await expect(world.one.issuer.issue(ann, 'other.example', [])).rejects.toMatchObject({ kind: 'invalid' });
});

it('a verified token is known without waiting until something about the account changes', async () => {
  const header = `Bearer ${await issue()}`;
  expect(world.other.verifier.peek(header)).toBeUndefined();
  const verified = await world.other.verifier.verify(header);
  expect(world.other.verifier.peek(header)).toBe(verified);
  await makeUser(world, 'somebody-else');
  await heard(world);
  expect(world.other.verifier.peek(header)).toBe(verified);
  world.other.feed.connected = false;
  expect(world.other.verifier.peek(header)).toBeUndefined();
  expect((await world.other.verifier.verify(header)).principal).toEqual(ann);
  world.other.feed.connected = true;
});

it('tokens of a disabled user are refused at once in every process, known ones too', async () => {
  const { id } = await makeUser(world, 'gone');
  await heard(world);
  const [known, fresh] = [await issue(await signIn(world.one, 'gone')), await issue(await signIn(world.one, 'gone'))];
  await check(known);
  await world.source.transaction((tx) => updateUser(tx, id, { isActive: false }));
  await heard(world);
  await expect(check(known)).rejects.toMatchObject(REFUSED);
  await expect(check(fresh)).rejects.toMatchObject(REFUSED);
  await world.source.transaction((tx) => updateUser(tx, id, { isActive: true }));
  await heard(world);
  await expect(check(known)).rejects.toMatchObject(REFUSED);
  expect(await check(await issue(await signIn(world.one, 'gone')))).toBeDefined();
});

it('taking a role or a membership away ends the tokens made before', async () => {
  const { id } = await makeUser(world, 'shrinking');
  const key = 'container.containerdistribution:0190';
  const role = 'container.containerdistribution_owner';
  await heard(world);
  const maker = await signIn(world.one, 'shrinking');
  await world.source.transaction((tx) => grantOwner(tx, maker, role, key));
  await heard(world);
  const first = await issue(await signIn(world.one, 'shrinking'));
  expect(await check(first)).toBeDefined();
  await world.source.transaction((tx) => removeRole(tx, { role, users: ['shrinking'], objectKey: key }));
  await heard(world);
  await expect(check(first)).rejects.toMatchObject(REFUSED);
  const group = await world.source.transaction((tx) => createGroup(tx, 'leaving'));
  await world.source.transaction((tx) => addMember(tx, group.id, id));
  await heard(world);
  const second = await issue(await signIn(world.one, 'shrinking'));
  expect(await check(second)).toBeDefined();
  await world.source.transaction((tx) => removeMember(tx, group.id, id));
  await heard(world);
  await expect(check(second)).rejects.toMatchObject(REFUSED);
});

it("a robot's token ends with the robot", async () => {
  const owner = await makeUser(world, 'keeper');
  const { robot, secret } = await world.source.transaction((tx) =>
    createRobot(tx, {
      name: 'builder',
      ownerId: owner.id,
      scopes: [{ repository: '**', actions: ['pull'] }],
      expiresAt: new Date(Date.now() + 60_000),
    }),
  );
  await heard(world);
  const principal = await world.one.authenticator.authenticate(
    `Basic ${Buffer.from(`robot$builder:${secret}`).toString('base64')}`,
    '::1',
  );
  const answer = await world.one.issuer.issue(principal, SETTINGS.publicHost, ACCESS);
  expect(answer.expires_in).toBeLessThanOrEqual(60);
  expect((await check(answer.token)).principal).toMatchObject({ kind: 'robot', id: robot.id });
  await world.source.transaction((tx) => revokeRobot(tx, robot.id));
  await heard(world);
  await expect(check(answer.token)).rejects.toMatchObject(REFUSED);
});

it('after a rotation new tokens have the new key and the old ones still hold, in every process', async () => {
  const old = await issue();
  const kid = await rotateTokenKey(world.source);
  await heard(world);
  const young = await issue();
  expect(read(young.split('.')[0]!).kid).toBe(kid);
  expect(read(old.split('.')[0]!).kid).not.toBe(kid);
  expect(await check(old)).toBeDefined();
  expect(await check(young)).toBeDefined();
  await world.source.query(`update signing_key set retired = now() - interval '2 hours' where kid <> $1`, [kid]);
  await world.source.query(`select pg_notify('hallmark_change', 'access keys:*')`);
  await heard(world);
  // Two spaces: no process knows this header yet.
  await expect(check(` ${old}`)).rejects.toMatchObject(REFUSED);
});

it('a key that leaked is distrusted at once, for tokens that are known too', async () => {
  const token = await issue();
  await check(token);
  await rotateTokenKey(world.source, { distrust: true });
  await heard(world);
  await expect(check(token)).rejects.toMatchObject(REFUSED);
  expect(await check(await issue())).toBeDefined();
});

it('an anonymous token holds without an account', async () => {
  const { token } = await world.one.issuer.issue(
    { kind: 'anonymous', id: null, username: '', isSuperuser: false, groups: [] },
    SETTINGS.publicHost,
    ACCESS,
  );
  expect((await check(token)).principal).toMatchObject({ kind: 'anonymous' });
});
