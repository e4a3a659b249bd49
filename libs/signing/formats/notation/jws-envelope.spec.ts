import { beforeAll, describe, expect, it } from 'vitest';
import { issueChain, type Issued } from './certificate-fixture.js';
import { forgeJws, MANIFEST, NOW, trusting, type Changes } from './envelope-fixture.js';
import { notationFormat } from './notation-format.js';

const SCHEME = 'io.cncf.notary.signingScheme';
const TIME = 'io.cncf.notary.signingTime';
const AUTHENTIC = 'io.cncf.notary.authenticSigningTime';
const EXPIRY = 'io.cncf.notary.expiry';
const AUTHORITY = { [SCHEME]: 'notary.x509.signingAuthority', [TIME]: undefined, [AUTHENTIC]: '2026-06-01T11:00:00Z' };

describe('a notation JWS envelope', () => {
  let chain: Issued[];
  beforeAll(async () => {
    const { root, leaf } = await issueChain();
    chain = [leaf, root];
  });

  const verify = (signature: Uint8Array) =>
    notationFormat.verify(signature, { manifest: MANIFEST, trust: trusting([chain[1]!]), now: NOW });
  const text = async (changes: Changes = {}) => (await forgeJws(chain, changes)).toString();

  it.each<[string, Changes['protected']]>([
    ['a signing time with an offset', { [TIME]: '2026-06-01T19:00:00+08:00' }],
    ['an expiry that is critical', { crit: [SCHEME, EXPIRY], [EXPIRY]: '2027-01-01T00:00:00Z' }],
    ['a signing authority', { ...AUTHORITY, crit: [SCHEME, AUTHENTIC] }],
    ['an unknown attribute that is not critical', { 'com.example.note': { a: 1 } }],
    ['a signing time with many digits', { [TIME]: '2026-06-01T11:00:00.1234567890Z' }],
    ['no expiry, written as null', { [EXPIRY]: null }],
    ['no expiry, written as the zero time of Go', { [EXPIRY]: '0001-01-01T00:00:00Z' }],
    ['the least version of a plugin that it does not name', { 'io.cncf.notary.verificationPluginMinVersion': '1.0.0' }],
  ])('may have %s', async (_, header) => {
    expect((await verify(await forgeJws(chain, { protected: header! }))).outcome).toBe('verified');
  });

  it.each<[string, Changes['protected'], string]>([
    ['no crit', { crit: undefined }, 'MALFORMED_ENVELOPE'],
    ['an empty crit', { crit: [] }, 'MALFORMED_ENVELOPE'],
    ['a crit without the scheme', { crit: ['a'], a: 1 }, 'MALFORMED_ENVELOPE'],
    ['a crit that names one twice', { crit: [SCHEME, SCHEME] }, 'MALFORMED_ENVELOPE'],
    ['a critical name that is not there', { crit: [SCHEME, 'gone'] }, 'MALFORMED_ENVELOPE'],
    ['a critical attribute that nobody knows', { crit: [SCHEME, 'a'], a: 1 }, 'CRITICAL_ATTRIBUTE_UNHANDLED'],
    ['an expiry that is not critical', { [EXPIRY]: '2027-01-01T00:00:00Z' }, 'MALFORMED_ENVELOPE'],
    [
      'an expiry before the signing time',
      { crit: [SCHEME, EXPIRY], [EXPIRY]: '2026-05-01T00:00:00Z' },
      'MALFORMED_ENVELOPE',
    ],
    ['another content type', { cty: 'application/json' }, 'MALFORMED_ENVELOPE'],
    ['another scheme', { [SCHEME]: 'notary.other' }, 'MALFORMED_ENVELOPE'],
    ['no signing time', { [TIME]: undefined }, 'MALFORMED_ENVELOPE'],
    ['a signing time that is none', { [TIME]: 'yesterday' }, 'MALFORMED_ENVELOPE'],
    ['a signing time on 30 February', { [TIME]: '2026-02-30T11:00:00Z' }, 'MALFORMED_ENVELOPE'],
    ['a signing time at 24 o’clock', { [TIME]: '2026-05-31T24:00:00Z' }, 'MALFORMED_ENVELOPE'],
    ['an algorithm that is no text', { alg: {} }, 'UNSUPPORTED_ALGORITHM'],
    ['the algorithm again in capitals', { ALG: 'ES256' }, 'MALFORMED_ENVELOPE'],
    ['the expiry in capitals', { [EXPIRY.toUpperCase()]: '2026-06-01T11:30:00Z' }, 'MALFORMED_ENVELOPE'],
    ['an authentic time under notary.x509', { [AUTHENTIC]: '2026-06-01T11:00:00Z' }, 'MALFORMED_ENVELOPE'],
    ['an authentic time that is not critical', AUTHORITY, 'MALFORMED_ENVELOPE'],
    [
      'a signing time under a signing authority',
      { ...AUTHORITY, crit: [SCHEME, AUTHENTIC], [TIME]: '2026-06-01T11:00:00Z' },
      'MALFORMED_ENVELOPE',
    ],
    ['the algorithm none', { alg: 'none' }, 'UNSUPPORTED_ALGORITHM'],
    ['the algorithm RS256', { alg: 'RS256' }, 'UNSUPPORTED_ALGORITHM'],
  ])('is refused with %s', async (_, header, code) => {
    const signature = await forgeJws(chain, { protected: header! });
    await expect(notationFormat.parse(signature)).rejects.toMatchObject({ kind: 'invalid', code });
    const report = await verify(signature);
    expect(report.outcome).not.toBe('verified');
    expect(report.checks[0]).toMatchObject({ name: 'integrity', result: 'fail', code });
  });

  it('is refused when the algorithm does not fit the key', async () => {
    const report = await verify(await forgeJws(chain, { protected: { alg: 'ES384' } }));
    expect(report.checks[0]).toMatchObject({ code: 'UNSUPPORTED_ALGORITHM' });
    expect(report.outcome).toBe('failed');
  });

  it('is read but not judged when it asks for a plugin', async () => {
    const plugin = {
      crit: [SCHEME, 'io.cncf.notary.verificationPlugin'],
      'io.cncf.notary.verificationPlugin': 'com.example',
    };
    const signature = await forgeJws(chain, { protected: plugin });
    expect((await notationFormat.parse(signature)).manifestDigest).toBe(MANIFEST.digest);
    const report = await verify(signature);
    expect(report.outcome).toBe('indeterminate');
    expect(report.checks[0]).toMatchObject({ code: 'CRITICAL_ATTRIBUTE_UNHANDLED' });
  });

  it.each<[string, (text: string) => string]>([
    ['a member twice', (json) => json.replace('{"payload"', '{"payload":"e30","payload"')],
    ['the general form', (json) => json.replace('{"payload"', '{"signatures":[],"payload"')],
    ['the compact form', () => 'e30.e30.e30'],
    ['padding', (json) => json.replace('","protected"', '=","protected"')],
    ['its payload again in capitals', (json) => json.replace('{"payload"', '{"PAYLOAD":"e30","payload"')],
    ['its signature in capitals', (json) => json.replace('"signature"', '"Signature"')],
    ['other certificates in capitals', (json) => json.replace('"header":{', '"header":{"X5C":[],')],
    ['no certificates', (json) => json.replace(/"x5c":\[[^\]]*\]/, '"x5c":[]')],
    ['a certificate that is none', (json) => json.replace(/"x5c":\[[^\]]*\]/, '"x5c":["AAAA"]')],
    ['a protected name in the unprotected header', (json) => json.replace('"header":{', '"header":{"alg":"ES256",')],
    ['data after it', (json) => `${json} x`],
  ])('is refused with %s', async (_, change) => {
    const signature = Buffer.from(change(await text()));
    await expect(notationFormat.parse(signature)).rejects.toMatchObject({ code: 'MALFORMED_ENVELOPE' });
    expect((await verify(signature)).outcome).toBe('failed');
  });

  it('is refused with a header member twice', async () => {
    const document = JSON.parse(await text()) as Record<string, string>;
    const header = Buffer.from(document['protected']!, 'base64url').toString().replace('{', '{"alg":"ES256",');
    document['protected'] = Buffer.from(header).toString('base64url');
    await expect(notationFormat.parse(Buffer.from(JSON.stringify(document)))).rejects.toThrow(/duplicate member/);
  });

  it.each<[string, unknown, string?]>([
    ['no target', {}],
    ['a digest that is none', { targetArtifact: { ...MANIFEST, digest: 'sha256:00', bytes: undefined } }],
    ['a size that is a text', { targetArtifact: { ...MANIFEST, size: '1', bytes: undefined } }],
    ['its digest again in capitals', { targetArtifact: { ...MANIFEST, Digest: MANIFEST.digest, bytes: undefined } }],
    ['its target in capitals', { TargetArtifact: { ...MANIFEST, bytes: undefined } }],
    ['addresses that are none', { targetArtifact: { ...MANIFEST, urls: 'x', bytes: undefined } }],
    ['data that is no base64', { targetArtifact: { ...MANIFEST, data: '!', bytes: undefined } }],
    ['a platform that is none', { targetArtifact: { ...MANIFEST, platform: { os: 1 }, bytes: undefined } }],
    ['a type of artifact that is none', { targetArtifact: { ...MANIFEST, artifactType: 1, bytes: undefined } }],
    ['a size with an exponent', { targetArtifact: { ...MANIFEST, bytes: undefined } }, 'e0'],
    ['a size with a fraction', { targetArtifact: { ...MANIFEST, bytes: undefined } }, '.0'],
  ])('with a payload with %s is malformed', async (_, payload, behindSize = '') => {
    const text = JSON.stringify(payload).replace(/"size":\d+/, (size) => size + behindSize);
    const signature = await forgeJws(chain, { payload: Buffer.from(text) });
    await expect(notationFormat.parse(signature)).rejects.toMatchObject({ code: 'MALFORMED_PAYLOAD' });
    const report = await verify(signature);
    expect(report.checks).toContainEqual(expect.objectContaining({ name: 'descriptor', code: 'MALFORMED_PAYLOAD' }));
  });
});
