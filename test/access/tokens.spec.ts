import { createHmac, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Principal } from '#access/principal.js';
import { addMember, createGroup, removeMember } from '#access/groups.js';
import { grantOwner } from '#access/permissions.js';
import { removeRole } from '#access/role-assignments.js';
import { createRobot, revokeRobot } from '#access/robots.js';
import { permits } from '#access/token-claims.js';
import { libtrustKeyId, rotateTokenKey } from '#access/token-keys.js';
import { TokenIssuer } from '#access/token-issuer.js';
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
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const read = (segment: string) => JSON.parse(Buffer.from(segment, 'base64url').toString());

async function forge(changes: { header?: object; claims?: object; payload?: string; key?: KeyObject } = {}) {
  const [header, claims] = (await issue()).split('.').slice(0, 2).map(read);
  const key = changes.key ?? (await world.one.keys.current()).privateKey;
  const payload = changes.payload
    ? Buffer.from(changes.payload).toString('base64url')
    : part({ ...claims, ...changes.claims });
  const input = `${part({ ...header, ...changes.header })}.${payload}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

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
  const key = createPublicKey({
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
      y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
    },
    format: 'jwk',
  });
  expect(libtrustKeyId(key)).toHaveLength(59);
  expect(libtrustKeyId(key)).toMatch(/^([A-Z2-7]{4}:){11}[A-Z2-7]{4}$/);
});

it('tokens are for this service only', async () => {
  await expect(world.one.issuer.issue(ann, undefined, [])).rejects.toMatchObject({
    kind: 'invalid',
    message: 'No service name provided.',
  });
  await expect(world.one.issuer.issue(ann, 'other.example', [])).rejects.toMatchObject({ kind: 'invalid' });
});

describe('refuses', () => {
  const now = () => Math.floor(Date.now() / 1000);
  const strangers = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const attacks: [string, () => Promise<string>][] = [
    ['alg none with the signature kept', () => forge({ header: { alg: 'none' } })],
    ['alg none without a signature', async () => `${part({ alg: 'none' })}.${(await issue()).split('.')[1]}.`],
    ['another algorithm name over our signature', () => forge({ header: { alg: 'ES384' } })],
    ['a key id that is a path', () => forge({ header: { kid: '../../../../dev/null' } })],
    ['a key id that is SQL', () => forge({ header: { kid: "x' union select jwk from signing_key --" } })],
    ['a key id that is not text', () => forge({ header: { kid: { $ne: null } } })],
    ['no key id', () => forge({ header: { kid: undefined } })],
    ["a stranger's key under our key id", () => forge({ key: strangers.privateKey })],
    [
      "a stranger's key that the token brings along",
      () => forge({ key: strangers.privateKey, header: { jwk: strangers.publicKey.export({ format: 'jwk' }) } }),
    ],
    [
      'an address to fetch keys from',
      () =>
        forge({ key: strangers.privateKey, header: { jku: 'https://evil.example/keys', x5u: 'https://evil.example' } }),
    ],
    ['critical extensions', () => forge({ header: { crit: ['b64'], b64: false } })],
    ['an expired token', () => forge({ claims: { exp: now() - 31 } })],
    ['a token of the future', () => forge({ claims: { nbf: now() + 60 } })],
    ['one issued in the future', () => forge({ claims: { iat: now() + 60 } })],
    ['a token for another service', () => forge({ claims: { aud: 'other.example' } })],
    ['a list of audiences', () => forge({ claims: { aud: [SETTINGS.publicHost] } })],
    ['a token of another issuer', () => forge({ claims: { iss: 'https://other.example/token/' } })],
    ['no expiry', () => forge({ claims: { exp: undefined } })],
    ['an expiry that is text', () => forge({ claims: { exp: '9999999999' } })],
    ['access that is not a list', () => forge({ claims: { access: { type: 'repository' } } })],
    ['access with actions that are not text', () => forge({ claims: { access: [{ ...ACCESS[0], actions: [1] }] } })],
    ['another name than the account of its stamp', () => forge({ claims: { sub: 'admin' } })],
    ['nobody with the stamp of somebody', () => forge({ claims: { sub: '' } })],
    [
      'duplicate claims',
      async () => {
        const payload = JSON.stringify(read((await issue()).split('.')[1]!));
        return await forge({ payload: payload.replace('{', '{"sub":"admin",') });
      },
    ],
    ['a payload that is not JSON', () => forge({ payload: 'hello' })],
    ['a payload nested without end', () => forge({ payload: '['.repeat(5000) })],
    ['a huge token', () => forge({ claims: { padding: 'x'.repeat(60_000) } })],
    ['four parts', async () => `${await issue()}.x`],
    ['two parts', async () => (await issue()).split('.').slice(0, 2).join('.')],
    ['padding in base64', async () => `${await issue()}=`],
    [
      'a changed payload',
      async () => {
        const [header, payload, signature] = (await issue()).split('.') as [string, string, string];
        return `${header}.${part({ ...read(payload), access: [{ ...ACCESS[0], actions: ['push'] }] })}.${signature}`;
      },
    ],
    [
      'a signature in DER form',
      async () => {
        const input = (await issue()).split('.').slice(0, 2).join('.');
        const der = sign('sha256', Buffer.from(input), (await world.one.keys.current()).privateKey);
        return `${input}.${der.toString('base64url')}`;
      },
    ],
    [
      'HS256 with our public key as the secret',
      async () => {
        const pem = createPublicKey((await world.one.keys.current()).privateKey).export({
          type: 'spki',
          format: 'pem',
        });
        const [header, claims] = (await issue()).split('.').slice(0, 2).map(read);
        const input = `${part({ ...header, alg: 'HS256' })}.${part(claims)}`;
        return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
      },
    ],
  ];

  it.each(attacks)('%s', async (_name, make) => {
    await expect(check(await make())).rejects.toMatchObject(REFUSED);
  });

  it.each(['', 'Bearer', 'Bearer ', 'Basic abc', 'Bearer a b', 'Bearer\ta.b.c'])('the header "%s"', async (header) => {
    await expect(world.one.verifier.verify(header)).rejects.toMatchObject(REFUSED);
  });
});

it('accepts clocks that differ by less than half a minute', async () => {
  const now = Math.floor(Date.now() / 1000);
  expect(await check(await forge({ claims: { nbf: now + 20, iat: now + 20 } }))).toBeDefined();
  expect(await check(await forge({ claims: { exp: now - 10 } }))).toBeDefined();
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

it('never keeps a token that does not hold', async () => {
  const header = `Bearer ${await forge({ claims: { aud: 'other.example' } })}`;
  await expect(world.one.verifier.verify(header)).rejects.toMatchObject(REFUSED);
  expect(world.one.verifier.peek(header)).toBeUndefined();
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

it('an anonymous token holds without an account', async () => {
  const { token } = await world.one.issuer.issue(
    { kind: 'anonymous', id: null, username: '', isSuperuser: false, groups: [] },
    SETTINGS.publicHost,
    ACCESS,
  );
  expect((await check(token)).principal).toMatchObject({ kind: 'anonymous' });
});

it('a server under another address refuses our tokens', async () => {
  const issuer = new TokenIssuer(world.one.keys, {
    ...SETTINGS,
    publicHost: 'b.example',
    publicUrl: 'https://b.example',
  });
  const { token } = await issuer.issue(ann, 'b.example', ACCESS);
  await expect(check(token)).rejects.toMatchObject(REFUSED);
});
