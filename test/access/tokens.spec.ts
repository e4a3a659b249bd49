import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { addMember, createGroup, removeMember } from '#access/groups.js';
import { grantOwner } from '#access/permissions.js';
import { removeRole } from '#access/role-assignments.js';
import { createRobot, revokeRobot } from '#access/robots.js';
import { permits } from '#access/token-claims.js';
import { libtrustKeyId, rotateTokenKey } from '#access/token-keys.js';
import { updateUser } from '#access/users.js';
import { ACCESS, readPart, REFUSED, startTokenWorld, type TokenWorld } from './token-world.js';
import { heard, makeUser, SETTINGS, signIn } from './world.js';

let world: TokenWorld;
beforeAll(async () => {
  world = await startTokenWorld();
});
afterAll(() => world.stop());

it('a token of one process holds in the other, with the claims and the answer that clients expect', async () => {
  const before = Date.now();
  const answer = await world.one.issuer.issue(world.ann, SETTINGS.publicHost, ACCESS);
  expect(answer).toEqual({
    token: answer.token,
    access_token: answer.token,
    expires_in: 300,
    issued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
  });
  expect(Math.abs(Date.parse(answer.issued_at) - before)).toBeLessThan(2000);
  const [header, claims] = answer.token.split('.').slice(0, 2).map(readPart);
  expect(header).toEqual({ alg: 'ES256', typ: 'JWT', kid: expect.stringMatching(/^([A-Z2-7]{4}:){11}[A-Z2-7]{4}$/) });
  expect(claims).toMatchObject({ aud: SETTINGS.publicHost, iss: 'https://hub.example:8443/token/', sub: 'ann' });
  expect(claims.exp - claims.iat).toBe(300);
  expect(claims.jti).toMatch(/^[0-9a-f-]{36}$/);
  const { claims: verified, principal } = await world.check(answer.token);
  expect(verified.access).toEqual(ACCESS);
  expect(principal).toEqual(world.ann);
  expect(permits(verified, 'repository', 'team/app', 'pull')).toBe(true);
});

it('carries rights on exactly one name', async () => {
  const { claims } = await world.check(await world.issue());
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
  await expect(world.one.issuer.issue(world.ann, undefined, [])).rejects.toMatchObject({
    kind: 'invalid',
    message: 'No service name provided.',
  });
  await expect(world.one.issuer.issue(world.ann, 'other.example', [])).rejects.toMatchObject({ kind: 'invalid' });
});

it('a verified token is known without waiting until something about the account changes', async () => {
  const header = `Bearer ${await world.issue()}`;
  expect(world.other.verifier.peek(header)).toBeUndefined();
  const verified = await world.other.verifier.verify(header);
  expect(world.other.verifier.peek(header)).toBe(verified);
  await makeUser(world, 'somebody-else');
  await heard(world);
  expect(world.other.verifier.peek(header)).toBe(verified);
  world.other.feed.connected = false;
  expect(world.other.verifier.peek(header)).toBeUndefined();
  expect((await world.other.verifier.verify(header)).principal).toEqual(world.ann);
  world.other.feed.connected = true;
});

it('tokens of a disabled user are refused at once in every process, known ones too', async () => {
  const { id } = await makeUser(world, 'gone');
  await heard(world);
  const [known, fresh] = [
    await world.issue(await signIn(world.one, 'gone')),
    await world.issue(await signIn(world.one, 'gone')),
  ];
  await world.check(known);
  await world.source.transaction((tx) => updateUser(tx, id, { isActive: false }));
  await heard(world);
  await expect(world.check(known)).rejects.toMatchObject(REFUSED);
  await expect(world.check(fresh)).rejects.toMatchObject(REFUSED);
  await world.source.transaction((tx) => updateUser(tx, id, { isActive: true }));
  await heard(world);
  await expect(world.check(known)).rejects.toMatchObject(REFUSED);
  expect(await world.check(await world.issue(await signIn(world.one, 'gone')))).toBeDefined();
});

it('taking a role or a membership away ends the tokens made before', async () => {
  const { id } = await makeUser(world, 'shrinking');
  const key = 'container.containerdistribution:0190';
  const role = 'container.containerdistribution_owner';
  await heard(world);
  const maker = await signIn(world.one, 'shrinking');
  await world.source.transaction((tx) => grantOwner(tx, maker, role, key));
  await heard(world);
  const first = await world.issue(await signIn(world.one, 'shrinking'));
  expect(await world.check(first)).toBeDefined();
  await world.source.transaction((tx) => removeRole(tx, { role, users: ['shrinking'], objectKey: key }));
  await heard(world);
  await expect(world.check(first)).rejects.toMatchObject(REFUSED);
  const group = await world.source.transaction((tx) => createGroup(tx, 'leaving'));
  await world.source.transaction((tx) => addMember(tx, group.id, id));
  await heard(world);
  const second = await world.issue(await signIn(world.one, 'shrinking'));
  expect(await world.check(second)).toBeDefined();
  await world.source.transaction((tx) => removeMember(tx, group.id, id));
  await heard(world);
  await expect(world.check(second)).rejects.toMatchObject(REFUSED);
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
  expect((await world.check(answer.token)).principal).toMatchObject({ kind: 'robot', id: robot.id });
  await world.source.transaction((tx) => revokeRobot(tx, robot.id));
  await heard(world);
  await expect(world.check(answer.token)).rejects.toMatchObject(REFUSED);
});

it('after a rotation new tokens have the new key and the old ones still hold, in every process', async () => {
  const old = await world.issue();
  const kid = await rotateTokenKey(world.source);
  await heard(world);
  const young = await world.issue();
  expect(readPart(young.split('.')[0]!).kid).toBe(kid);
  expect(readPart(old.split('.')[0]!).kid).not.toBe(kid);
  expect(await world.check(old)).toBeDefined();
  expect(await world.check(young)).toBeDefined();
  await world.source.query(`update signing_key set retired = now() - interval '2 hours' where kid <> $1`, [kid]);
  await world.source.query(`select pg_notify('hallmark_change', 'access keys:*')`);
  await heard(world);
  // Two spaces: no process knows this header yet.
  await expect(world.check(` ${old}`)).rejects.toMatchObject(REFUSED);
});

it('a key that leaked is distrusted at once, for tokens that are known too', async () => {
  const token = await world.issue();
  await world.check(token);
  await rotateTokenKey(world.source, { distrust: true });
  await heard(world);
  await expect(world.check(token)).rejects.toMatchObject(REFUSED);
  expect(await world.check(await world.issue())).toBeDefined();
});

it('tokens that name unknown keys cost one reading of the keys, however many come at once', async () => {
  await world.one.keys.current();
  const read = vi.spyOn(world.source.manager, 'find');
  const later = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 6_000);
  const found = await Promise.all(Array.from({ length: 50 }, (_, at) => world.one.keys.trusted(`nobody-${at}`)));
  expect(new Set(found)).toEqual(new Set([undefined]));
  expect(read).toHaveBeenCalledOnce();
  later.mockRestore();
  read.mockRestore();
});

it('an anonymous token holds without an account', async () => {
  const { token } = await world.one.issuer.issue(
    { kind: 'anonymous', id: null, username: '', isSuperuser: false, groups: [] },
    SETTINGS.publicHost,
    ACCESS,
  );
  expect((await world.check(token)).principal).toMatchObject({ kind: 'anonymous' });
});
