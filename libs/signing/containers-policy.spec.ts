import { describe, expect, it } from 'vitest';
import { matchIdentity, parseContainersPolicy, requirementsFor, type SignedIdentity } from './containers-policy.js';

const hex = 'a'.repeat(64);
const keyData = Buffer.from('key').toString('base64');
const identity = (value: object) => ({
  default: [{ type: 'signedBy', keyType: 'GPGKeys', keyData, signedIdentity: value }],
});

describe('containers policy.json', () => {
  it('is read from text, bytes and objects alike', () => {
    const document = {
      default: [{ type: 'reject' }],
      transports: { docker: { 'a.test': [{ type: 'insecureAcceptAnything' }] }, dir: { '': [{ type: 'reject' }] } },
    };
    const text = JSON.stringify(document);
    expect(parseContainersPolicy(text)).toEqual(parseContainersPolicy(document));
    expect(parseContainersPolicy(Buffer.from(text))).toEqual(parseContainersPolicy(document));
  });

  it('keeps sigstore requirements for others to evaluate', () => {
    const { default: list } = parseContainersPolicy({
      default: [{ type: 'sigstoreSigned', keyDatas: [keyData, keyData], signedIdentity: { type: 'matchRepository' } }],
    });
    expect(list).toMatchObject([
      {
        type: 'sigstoreSigned',
        keys: [{ data: Buffer.from('key') }, { data: Buffer.from('key') }],
        signedIdentity: { type: 'matchRepository' },
      },
    ]);
  });

  it.each<[string, unknown]>([
    ['no default', {}],
    ['an empty list', { default: [] }],
    ['an unknown member', { default: [{ type: 'reject' }], more: 1 }],
    ['an unknown member of a requirement', { default: [{ type: 'reject', more: 1 }] }],
    ['an unknown requirement', { default: [{ type: 'hope' }] }],
    ['no key at all', { default: [{ type: 'signedBy', keyType: 'GPGKeys' }] }],
    ['an empty list of keys', { default: [{ type: 'sigstoreSigned', keyPaths: [] }] }],
    ['a path beside data', { default: [{ type: 'signedBy', keyType: 'GPGKeys', keyData, keyPath: '/etc/key' }] }],
    [
      'fulcio without Rekor',
      { default: [{ type: 'sigstoreSigned', fulcio: { caData: keyData, oidcIssuer: 'i', subjectEmail: 'e' } }] },
    ],
    ['pki without a subject', { default: [{ type: 'sigstoreSigned', pki: { caRootsData: keyData } }] }],
    ['another key type', { default: [{ type: 'signedBy', keyType: 'X509CAs', keyData }] }],
    ['two key sources', { default: [{ type: 'sigstoreSigned', keyData, keyDatas: [keyData] }] }],
    ['key data that is not base64', { default: [{ type: 'signedBy', keyType: 'GPGKeys', keyData: 'a b!' }] }],
    ['an unknown identity', identity({ type: 'matchAll' })],
    ['an exact reference without a tag', identity({ type: 'exactReference', dockerReference: 'a.test/b' })],
    ['a remap prefix with a tag', identity({ type: 'remapIdentity', prefix: 'a.test/b:c', signedPrefix: 'a.test' })],
    [
      'a scope that no directory has',
      { default: [{ type: 'reject' }], transports: { dir: { 'a.test': [{ type: 'reject' }] } } },
    ],
    [
      'a scope for archives',
      { default: [{ type: 'reject' }], transports: { 'docker-archive': { '/a': [{ type: 'reject' }] } } },
    ],
    ['a duplicate member', '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}'],
    ['text that is not JSON', '{'],
  ])('is invalid with %s', (_, document) => {
    expect(() => parseContainersPolicy(document)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  it('keeps the paths of files that it names', () => {
    const { default: list } = parseContainersPolicy({
      default: [
        { type: 'signedBy', keyType: 'signedByGPGKeys', keyPaths: ['/etc/one', '/etc/two'] },
        { type: 'sigstoreSigned', pki: { caRootsPath: '/etc/roots', subjectEmail: 'a@b' } },
      ],
    });
    expect(list).toMatchObject([
      { keyType: 'signedByGPGKeys', keys: [{ path: '/etc/one' }, { path: '/etc/two' }] },
      { pki: { roots: { path: '/etc/roots' } } },
    ]);
  });

  it.each([
    [
      'a.example.com:5000/x/y:1',
      [
        'a.example.com:5000/x/y:1',
        'a.example.com:5000/x/y',
        'a.example.com:5000/x',
        'a.example.com:5000',
        '*.example.com',
        '*.com',
        '',
      ],
    ],
    [`a.test/x@sha256:${hex}`, [`a.test/x@sha256:${hex}`, 'a.test/x', 'a.test', '*.test', '']],
    [
      'busybox:1',
      ['docker.io/library/busybox:1', 'docker.io/library/busybox', 'docker.io/library', 'docker.io', '*.io', ''],
    ],
  ])('looks for %s from the narrowest scope to the widest', (reference, scopes) => {
    for (let first = 0; first <= scopes.length; first += 1) {
      const entries = scopes
        .slice(first)
        .map((scope, index) => [scope, [{ type: index === 0 ? 'insecureAcceptAnything' : 'reject' }]]);
      const policy = parseContainersPolicy({
        default: [{ type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } }],
        transports: { docker: Object.fromEntries(entries) },
      });
      expect(requirementsFor(policy, reference)[0]!.type).toBe(
        first === scopes.length ? 'signedBaseLayer' : 'insecureAcceptAnything',
      );
    }
  });
});

describe('signed identity', () => {
  const [tagged, digested, bare] = ['a.test/x:1', `a.test/x@sha256:${hex}`, 'a.test/x'];
  it.each<[SignedIdentity | undefined, string, string, boolean]>([
    [undefined, tagged, tagged, true],
    [undefined, tagged, 'a.test/x:2', false],
    [undefined, tagged, bare, false],
    [undefined, bare, tagged, false],
    [undefined, bare, 'a.test/x:latest', true],
    [{ type: 'matchExact' }, bare, 'a.test/x:latest', true],
    [undefined, 'Team/x:1', 'Team/x:1', false],
    [undefined, 'a_b.test/x:1', 'a_b.test/x:1', true],
    [undefined, digested, tagged, true],
    [undefined, digested, 'a.test/y:1', false],
    [undefined, digested, bare, false],
    [undefined, 'busybox:1', 'docker.io/library/busybox:1', true],
    [undefined, tagged, 'UPPER/x y', false],
    [{ type: 'matchExact' }, tagged, tagged, true],
    [{ type: 'matchExact' }, digested, tagged, false],
    [{ type: 'matchExact' }, bare, bare, false],
    [{ type: 'matchRepository' }, tagged, bare, true],
    [{ type: 'matchRepository' }, tagged, 'a.test/x/y:1', false],
    [{ type: 'exactReference', dockerReference: tagged }, 'b.test/z:9', tagged, true],
    [{ type: 'exactReference', dockerReference: tagged }, tagged, 'a.test/x:2', false],
    [{ type: 'exactRepository', dockerRepository: bare }, 'b.test/z:9', tagged, true],
    [{ type: 'exactRepository', dockerRepository: bare }, tagged, 'a.test/y:1', false],
    [{ type: 'remapIdentity', prefix: 'm.test', signedPrefix: 'a.test' }, 'm.test/x:1', tagged, true],
    [{ type: 'remapIdentity', prefix: 'm.test/q', signedPrefix: 'a.test' }, 'm.test/q/x:1', tagged, true],
    [{ type: 'remapIdentity', prefix: 'm.test/q', signedPrefix: 'a.test' }, 'm.test/qq/x:1', tagged, false],
    [{ type: 'remapIdentity', prefix: 'm.test', signedPrefix: 'a.test' }, tagged, tagged, true],
    [{ type: 'remapIdentity', prefix: 'm.test/x', signedPrefix: bare }, 'm.test/x:1', bare, false],
  ])('%j: pulled as %s, signed as %s → %s', (rule, image, signed, ok) => {
    expect(matchIdentity(rule, image, signed).ok).toBe(ok);
  });
});
