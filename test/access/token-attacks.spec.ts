import { createHmac, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TokenIssuer } from '#access/token-issuer.js';
import { ACCESS, readPart, REFUSED, startTokenWorld, type TokenWorld } from './token-world.js';
import { SETTINGS } from './world.js';

let world: TokenWorld;
beforeAll(async () => {
  world = await startTokenWorld();
});
afterAll(() => world.stop());

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

async function forge(changes: { header?: object; claims?: object; payload?: string; key?: KeyObject } = {}) {
  const [header, claims] = (await world.issue()).split('.').slice(0, 2).map(readPart);
  const key = changes.key ?? (await world.one.keys.current()).privateKey;
  const payload = changes.payload
    ? Buffer.from(changes.payload).toString('base64url')
    : part({ ...claims, ...changes.claims });
  const input = `${part({ ...header, ...changes.header })}.${payload}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

describe('refuses', () => {
  const now = () => Math.floor(Date.now() / 1000);
  const strangers = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const attacks: [string, () => Promise<string>][] = [
    ['alg none with the signature kept', () => forge({ header: { alg: 'none' } })],
    ['alg none without a signature', async () => `${part({ alg: 'none' })}.${(await world.issue()).split('.')[1]}.`],
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
        const payload = JSON.stringify(readPart((await world.issue()).split('.')[1]!));
        return await forge({ payload: payload.replace('{', '{"sub":"admin",') });
      },
    ],
    ['a payload that is not JSON', () => forge({ payload: 'hello' })],
    ['a payload nested without end', () => forge({ payload: '['.repeat(5000) })],
    ['a huge token', () => forge({ claims: { padding: 'x'.repeat(60_000) } })],
    ['four parts', async () => `${await world.issue()}.x`],
    ['two parts', async () => (await world.issue()).split('.').slice(0, 2).join('.')],
    ['padding in base64', async () => `${await world.issue()}=`],
    [
      'a changed payload',
      async () => {
        const [header, payload, signature] = (await world.issue()).split('.') as [string, string, string];
        return `${header}.${part({ ...readPart(payload), access: [{ ...ACCESS[0], actions: ['push'] }] })}.${signature}`;
      },
    ],
    [
      'a signature in DER form',
      async () => {
        const input = (await world.issue()).split('.').slice(0, 2).join('.');
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
        const [header, claims] = (await world.issue()).split('.').slice(0, 2).map(readPart);
        const input = `${part({ ...header, alg: 'HS256' })}.${part(claims)}`;
        return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
      },
    ],
  ];

  it.each(attacks)('C7 %s', async (_name, make) => {
    await expect(world.check(await make())).rejects.toMatchObject(REFUSED);
  });

  it.each(['', 'Bearer', 'Bearer ', 'Basic abc', 'Bearer a b', 'Bearer\ta.b.c'])('the header "%s"', async (header) => {
    await expect(world.one.verifier.verify(header)).rejects.toMatchObject(REFUSED);
  });
});

it('G12 accepts clocks that differ by less than half a minute', async () => {
  const now = Math.floor(Date.now() / 1000);
  expect(await world.check(await forge({ claims: { nbf: now + 20, iat: now + 20 } }))).toBeDefined();
  expect(await world.check(await forge({ claims: { exp: now - 10 } }))).toBeDefined();
});

it('never keeps a token that does not hold', async () => {
  const header = `Bearer ${await forge({ claims: { aud: 'other.example' } })}`;
  await expect(world.one.verifier.verify(header)).rejects.toMatchObject(REFUSED);
  expect(world.one.verifier.peek(header)).toBeUndefined();
});

it('C6 a server under another address refuses our tokens', async () => {
  const issuer = new TokenIssuer(world.one.keys, {
    ...SETTINGS,
    publicHost: 'b.example',
    publicUrl: 'https://b.example',
  });
  const { token } = await issuer.issue(world.ann, 'b.example', ACCESS);
  await expect(world.check(token)).rejects.toMatchObject(REFUSED);
});
