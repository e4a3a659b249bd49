import { describe, expect, it } from 'vitest';
import { readNotationPolicy, scopeOf, selectStatement } from './notation-policy.js';

const statement = {
  name: 'one',
  registryScopes: ['registry.example.com:5000/team/app'],
  signatureVerification: { level: 'strict' },
  trustStores: ['ca:acme'],
  trustedIdentities: ['x509.subject: C=US, ST=WA, O=Acme'],
};
const wildcard = { ...statement, name: 'rest', registryScopes: ['*'], trustedIdentities: ['*'] };
const skip = { name: 'skip', registryScopes: ['a.example/b'], signatureVerification: { level: 'skip' } };
const policy = (...trustPolicies: object[]) => ({ version: '1.0', trustPolicies });
const verification = (signatureVerification: object) => policy({ ...statement, signatureVerification });
const identities = (...trustedIdentities: string[]) => policy({ ...statement, trustedIdentities });
const scopes = (...registryScopes: string[]) => policy({ ...statement, registryScopes });
const first = (member: string) => `notationTrustPolicy.trustPolicies[0].${member}`;

describe('a notation trust policy', () => {
  it('is taken as an object or as text', () => {
    const document = policy(statement, wildcard, skip);
    expect(readNotationPolicy(document).statements.map(({ name }) => name)).toEqual(['one', 'rest', 'skip']);
    expect(readNotationPolicy(JSON.stringify(document)).statements).toHaveLength(3);
  });

  it('means the same whatever the case of its names, as with notation', () => {
    const { registryScopes, signatureVerification, ...rest } = statement;
    const Level = signatureVerification.level;
    const document = {
      Version: '1.0',
      TRUSTPOLICIES: [
        { ...rest, RegistryScopes: registryScopes, signatureverification: { Level, Override: { expiry: 'log' } } },
      ],
    };
    const plain = policy({ ...statement, signatureVerification: { level: Level, override: { expiry: 'log' } } });
    expect(readNotationPolicy(document)).toEqual(readNotationPolicy(plain));
  });

  it('may have unknown members, and null for what may be left out', () => {
    const more = {
      ...statement,
      note: 1,
      signatureVerification: { level: 'strict', override: null, verifyTimestamp: null },
    };
    expect(readNotationPolicy({ ...policy(more), comment: 'x' }).statements[0]!.verifyTimestamp).toBe('always');
  });

  it('for blobs is refused with the name of the file that is meant', () => {
    const { registryScopes: _none, ...forBlobs } = { ...statement, globalPolicy: true };
    expect(() => readNotationPolicy(policy(forBlobs))).toThrow(/blobs.*trustpolicy\.oci\.json/);
    expect(readNotationPolicy(policy({ ...statement, globalPolicy: true })).statements).toHaveLength(1);
  });

  it.each<[string, unknown, string]>([
    ['no object', [], 'notationTrustPolicy'],
    ['text with a member twice', '{"version":"1.0","version":"1.0"}', 'notationTrustPolicy'],
    ['a member twice in another case', { ...policy(statement), Version: '1.0' }, 'notationTrustPolicy'],
    [
      'a member of a statement twice in another case',
      policy({ ...statement, Name: 'two' }),
      'notationTrustPolicy.trustPolicies[0]',
    ],
    ['a level twice in another case', verification({ level: 'strict', LEVEL: 'skip' }), first('signatureVerification')],
    [
      'a check in another case',
      verification({ level: 'strict', override: { Expiry: 'log' } }),
      first('signatureVerification.override'),
    ],
    ['another version', { ...policy(statement), version: '2.0' }, 'notationTrustPolicy.version'],
    ['no statements', policy(), 'notationTrustPolicy.trustPolicies'],
    ['a statement without name', policy({ ...statement, name: '' }), first('name')],
    ['a name twice', policy(statement, { ...wildcard, name: 'one' }), 'notationTrustPolicy.trustPolicies[1].name'],
    ['no scopes', scopes(), first('registryScopes')],
    ['a wildcard among scopes', scopes('*', 'a.example/b'), first('registryScopes')],
    ['a scope with a wildcard inside', scopes('a.example/*'), first('registryScopes')],
    ['a scope without repository', scopes('a.example'), first('registryScopes')],
    ['a scope with a tag', scopes('a.example/b:1'), first('registryScopes')],
    ['a scope with a digest', scopes(`a.example/b@sha256:${'0'.repeat(64)}`), first('registryScopes')],
    ['a scope with a protocol', scopes('https://a.example/b'), first('registryScopes')],
    ['a scope with upper case in the repository', scopes('a.example/B'), first('registryScopes')],
    [
      'a scope twice',
      policy(statement, { ...statement, name: 'two' }),
      'notationTrustPolicy.trustPolicies[1].registryScopes',
    ],
    [
      'two wildcards',
      policy(wildcard, { ...wildcard, name: 'two' }),
      'notationTrustPolicy.trustPolicies[1].registryScopes',
    ],
    ['no verification', policy({ ...statement, signatureVerification: undefined }), first('signatureVerification')],
    ['no level', verification({}), first('signatureVerification.level')],
    ['another level', verification({ level: 'lax' }), first('signatureVerification.level')],
    ['a level of Object', verification({ level: 'constructor' }), first('signatureVerification.level')],
    [
      'integrity overridden',
      verification({ level: 'strict', override: { integrity: 'log' } }),
      first('signatureVerification.override.integrity'),
    ],
    [
      'expiry skipped',
      verification({ level: 'strict', override: { expiry: 'skip' } }),
      first('signatureVerification.override.expiry'),
    ],
    [
      'an unknown check overridden',
      verification({ level: 'strict', override: { other: 'log' } }),
      first('signatureVerification.override'),
    ],
    [
      'an unknown action',
      verification({ level: 'strict', override: { expiry: 'warn' } }),
      first('signatureVerification.override.expiry'),
    ],
    [
      'skip overridden',
      policy({ ...skip, signatureVerification: { level: 'skip', override: { expiry: 'log' } } }),
      first('signatureVerification.override'),
    ],
    [
      'another verifyTimestamp',
      verification({ level: 'strict', verifyTimestamp: 'never' }),
      first('signatureVerification.verifyTimestamp'),
    ],
    ['skip with trust stores', policy({ ...skip, trustStores: ['ca:a'] }), first('trustStores')],
    ['skip with identities', policy({ ...skip, trustedIdentities: ['*'] }), first('trustedIdentities')],
    ['no trust stores', policy({ ...statement, trustStores: [] }), first('trustStores')],
    ['a store without type', policy({ ...statement, trustStores: ['acme'] }), first('trustStores')],
    ['a store of another type', policy({ ...statement, trustStores: ['root:acme'] }), first('trustStores')],
    ['a store with a path', policy({ ...statement, trustStores: ['ca:../acme'] }), first('trustStores')],
    ['no identities', identities(), first('trustedIdentities')],
    ['a wildcard among identities', identities('*', 'x509.subject: C=US, ST=WA, O=Acme'), first('trustedIdentities')],
    ['an identity without prefix', identities('C=US'), first('trustedIdentities')],
    ['an identity without O', identities('x509.subject: C=US, ST=WA'), first('trustedIdentities')],
    ['an attribute twice', identities('x509.subject: C=US, ST=WA, S=WA, O=Acme'), first('trustedIdentities')],
    ['joined attributes', identities('x509.subject: C=US+ST=WA, O=Acme'), first('trustedIdentities')],
    ['a wrong escape', identities('x509.subject: C=US, ST=WA, O=\\zz'), first('trustedIdentities')],
    ['a value in hex form', identities('x509.subject: C=US, ST=WA, O=#0c01'), first('trustedIdentities')],
    [
      'overlapping identities',
      identities('x509.subject: C=US, ST=WA, O=A', 'x509.subject: CN=x, C=US, S=WA, O=A'),
      first('trustedIdentities'),
    ],
    [
      'an identity twice',
      identities('x509.subject: C=US, ST=WA, O=A', 'x509.subject: O=A, ST=WA, C=US'),
      first('trustedIdentities'),
    ],
  ])('is refused with %s', (_, document, field) => {
    const refusal = expect.objectContaining({
      kind: 'invalid',
      options: expect.objectContaining({ field }) as object,
    }) as Error;
    expect(() => readNotationPolicy(document)).toThrow(refusal);
  });

  it('turns level and overrides into actions', () => {
    const actions = (signatureVerification: object) =>
      readNotationPolicy(verification(signatureVerification)).statements[0]!.actions;
    const logged = { authenticTimestamp: 'log', expiry: 'log', revocation: 'log' };
    expect(Object.values(actions({ level: 'strict' }))).toEqual(Array(5).fill('enforce'));
    expect(actions({ level: 'permissive' })).toEqual({ integrity: 'enforce', authenticity: 'enforce', ...logged });
    expect(actions({ level: 'audit' })).toEqual({ integrity: 'enforce', authenticity: 'log', ...logged });
    expect(actions({ level: 'strict', override: { revocation: 'skip', expiry: 'log' } })).toMatchObject({
      revocation: 'skip',
      expiry: 'log',
    });
  });

  it('chooses the statement of the scope before the wildcard', () => {
    const both = readNotationPolicy(policy(wildcard, statement));
    expect(selectStatement(both, 'registry.example.com:5000/team/app')?.name).toBe('one');
    expect(selectStatement(both, 'registry.example.com:5000/team/other')?.name).toBe('rest');
    expect(selectStatement(both, undefined)?.name).toBe('rest');
    expect(selectStatement(readNotationPolicy(policy(statement)), 'a.example/b')).toBeUndefined();
  });

  it('reads the scope off a reference', () => {
    expect(scopeOf('registry.example.com:5000/team/app:1.0')).toBe('registry.example.com:5000/team/app');
    expect(scopeOf(`registry.example.com/app@sha256:${'0'.repeat(64)}`)).toBe('registry.example.com/app');
    expect(scopeOf(undefined)).toBeUndefined();
  });
});
