import { beforeAll, describe, expect, it } from 'vitest';
import { sampleManifest } from '../format-suite.js';
import type { VerifyContext } from '../signature-format.js';
import { issue, issueChain, type Issued } from './certificate-fixture.js';
import { forgeJws, MANIFEST, NOW, trusting, type Changes } from './envelope-fixture.js';
import { notationFormat } from './notation-format.js';

const SCHEME = 'io.cncf.notary.signingScheme';
const EXPIRY = 'io.cncf.notary.expiry';
const EXPIRED = { protected: { crit: [SCHEME, EXPIRY], [EXPIRY]: '2026-06-01T11:30:00Z' } };
const AUTHORITY: Changes = {
  protected: {
    [SCHEME]: 'notary.x509.signingAuthority',
    'io.cncf.notary.signingTime': undefined,
    'io.cncf.notary.authenticSigningTime': '2025-06-01T00:00:00Z',
    crit: [SCHEME, 'io.cncf.notary.authenticSigningTime'],
  },
};
const REFERENCE = 'registry.example.com/team/app:1.0';
const statement = {
  name: 'team',
  registryScopes: ['registry.example.com/team/app'],
  signatureVerification: { level: 'strict' },
  trustStores: ['ca:acme'],
  trustedIdentities: ['*'],
};
const policy = (change: object = {}) => ({
  notationTrustPolicy: { version: '1.0', trustPolicies: [{ ...statement, ...change }] },
});

let root: Issued;
let leaf: Issued;
beforeAll(async () => {
  ({ root, leaf } = await issueChain());
});

async function verify(signature: Uint8Array, change: Partial<VerifyContext> = {}) {
  return notationFormat.verify(signature, {
    manifest: MANIFEST,
    trust: trusting([root]),
    now: NOW,
    reference: REFERENCE,
    ...change,
  });
}
const codes = async (...args: Parameters<typeof verify>) => {
  const { outcome, checks } = await verify(...args);
  return [
    outcome,
    ...checks.filter(({ result }) => result === 'fail').map(({ name, action, code }) => `${name} ${action} ${code}`),
  ];
};

describe('the verdict on a notation signature', () => {
  it('names the checks in order and shows signer and claims', async () => {
    const report = await verify(await forgeJws([leaf, root], { header: { 'io.cncf.notary.signingAgent': 'tool/1' } }));
    expect(report.checks.map(({ name }) => name)).toEqual([
      'integrity',
      'authenticity',
      'authenticTimestamp',
      'expiry',
      'revocation',
      'descriptor',
      'metadata',
    ]);
    expect(report.signer).toMatchObject({
      subject: 'CN=signer,ST=WA,O=Acme,C=US',
      issuer: 'CN=Test Root,ST=WA,O=Acme,C=US',
    });
    expect(report.claimed).toMatchObject({
      manifestDigest: MANIFEST.digest,
      signingAgent: 'tool/1',
      signatureAlgorithm: 'ECDSA-SHA-256',
    });
  });

  it('is DIGEST_MISMATCH for another manifest and DESCRIPTOR_MISMATCH for another size or type', async () => {
    const signature = await forgeJws([leaf, root]);
    expect(await codes(signature, { manifest: sampleManifest('two') })).toEqual([
      'failed',
      'descriptor enforce DIGEST_MISMATCH',
    ]);
    for (const change of [{ size: MANIFEST.size + 1 }, { mediaType: 'application/other' }]) {
      const wrong = {
        manifest: { ...MANIFEST, ...change },
        trust: trusting([root], policy({ signatureVerification: { level: 'audit' } })),
      };
      expect(await codes(signature, wrong)).toEqual(['failed', 'descriptor enforce DESCRIPTOR_MISMATCH']);
    }
  });

  it('is untrusted for another root, also one of the same name', async () => {
    const signature = await forgeJws([leaf, root]);
    expect(await codes(signature, { trust: trusting([await issue({ ca: true })]) })).toEqual([
      'untrusted',
      'authenticity enforce UNTRUSTED_ROOT',
    ]);
    const stores = { trustStores: { 'ca:acme': [(await issue({ ca: true })).pem] } };
    expect((await codes(signature, { trust: trusting([root], { ...stores, ...policy() }) }))[0]).toBe('untrusted');
    expect(
      (await codes(signature, { trust: trusting([root], { trustStores: { 'ca:other': [] }, ...policy() }) }))[0],
    ).toBe('verified');
  });

  it('accepts the subject in any order and refuses another', async () => {
    const signature = await forgeJws([leaf, root]);
    const trust = (...trustedIdentities: string[]) => ({ trust: trusting([root], policy({ trustedIdentities })) });
    expect(await codes(signature, trust('x509.subject: O=Acme, S=WA, C=US'))).toEqual(['verified']);
    expect(
      await codes(signature, trust('x509.subject: O=Acme, ST=WA, C=US, CN=other', 'x509.subject: C=DE, ST=B, O=Acme')),
    ).toEqual(['untrusted', 'authenticity enforce IDENTITY_MISMATCH']);
    const smiling = await forgeJws([await issue({ issuer: root, subject: 'CN=🙂, O=Acme, ST=WA, C=US' }), root]);
    expect(await codes(smiling, trust('x509.subject: CN=🙂, O=Acme, ST=WA, C=US'))).toEqual(['verified']);
    expect((await codes(smiling, trust('x509.subject: CN=🙁, O=Acme, ST=WA, C=US')))[0]).toBe('untrusted');
    const escaped = await issue({ issuer: root, subject: 'CN=a\\, b, O=Acme, ST=WA, C=US' });
    expect(await codes(await forgeJws([escaped, root]), trust('x509.subject: CN=a\\, b, O=Acme, ST=WA, C=US'))).toEqual(
      ['verified'],
    );
  });

  it('is CERT_EXPIRED after and CERT_NOT_YET_VALID before the certificates', async () => {
    const signature = await forgeJws([leaf, root]);
    expect(await codes(signature, { now: new Date('2036-01-01') })).toContain(
      'authenticTimestamp enforce CERT_EXPIRED',
    );
    expect(await codes(signature, { now: new Date('2020-01-01') })).toContain(
      'authenticTimestamp enforce CERT_NOT_YET_VALID',
    );
  });

  it('is SIGNATURE_EXPIRED after the expiry', async () => {
    const signature = await forgeJws([leaf, root], EXPIRED);
    expect(await codes(signature)).toEqual(['failed', 'expiry enforce SIGNATURE_EXPIRED']);
    expect(await codes(signature, { now: new Date('2026-06-01T11:29:59Z') })).toEqual(['verified']);
  });

  it('takes the time of a signing authority from its own trust store', async () => {
    const signature = await forgeJws([leaf, root], AUTHORITY);
    const now = new Date('2040-01-01');
    const named = trusting([], { trustStores: { 'signingAuthority:acme': [root.pem] } });
    expect(await verify(signature, { trust: named, now })).toMatchObject({
      outcome: 'verified',
      trustedTime: { value: '2025-06-01T00:00:00Z', source: 'authenticSigningTime' },
    });
    expect(await codes(signature, { trust: trusting([root], policy()) })).toEqual([
      'untrusted',
      'authenticity enforce UNTRUSTED_ROOT',
    ]);
    const store = policy({ trustStores: ['signingAuthority:acme'] });
    for (const at of [NOW, now])
      expect(await codes(signature, { trust: trusting([root], store), now: at })).toEqual(['verified']);
  });

  it('does not let a signer set the clock back that was not handed in as a signing authority', async () => {
    const signature = await forgeJws([leaf, root], AUTHORITY);
    expect(await codes(signature)).toEqual(['verified']);
    expect(await codes(signature, { now: new Date('2040-01-01') })).toEqual([
      'untrusted',
      'authenticity enforce UNTRUSTED_ROOT',
    ]);
    const store = { 'ca:acme': [root.pem] };
    expect((await codes(signature, { trust: trusting([], { trustStores: store }) }))[0]).toBe('untrusted');
  });

  it('follows the level of the statement', async () => {
    const signature = await forgeJws([leaf, root], EXPIRED);
    const at = (level: string, certificates = [root]) => ({
      trust: trusting(certificates, policy({ signatureVerification: { level } })),
    });
    const stranger = [await issue({ ca: true })];
    expect((await codes(signature, at('strict')))[0]).toBe('failed');
    expect(await codes(signature, at('permissive'))).toEqual(['verified', 'expiry log SIGNATURE_EXPIRED']);
    expect((await codes(signature, at('permissive', stranger)))[0]).toBe('untrusted');
    expect((await codes(signature, at('audit', stranger)))[0]).toBe('verified');
    const skipped = await verify(Buffer.from('nothing'), {
      trust: trusting([], policy({ signatureVerification: { level: 'skip' }, trustStores: [], trustedIdentities: [] })),
    });
    expect(skipped.outcome).toBe('skipped');
    expect(skipped.checks.every(({ action }) => action === 'skip')).toBe(true);
  });

  it('is NO_APPLICABLE_POLICY when no statement names the repository', async () => {
    const signature = await forgeJws([leaf, root]);
    const trust = trusting([root], policy());
    expect(await codes(signature, { trust, reference: 'a.example/b:1' })).toEqual([
      'untrusted',
      'authenticity enforce NO_APPLICABLE_POLICY',
    ]);
    expect(
      await codes(signature, {
        trust: { ...trust, scope: 'registry.example.com/team/app' },
        reference: 'a.example/b:1',
      }),
    ).toEqual(['verified']);
    await expect(verify(signature, { trust: trusting([root], { notationTrustPolicy: {} }) })).rejects.toMatchObject({
      kind: 'invalid',
    });
  });

  it('compares the thumbprints of the carrier without deciding by them', async () => {
    const signature = await forgeJws([leaf, root]);
    const carrier = { digest: MANIFEST.digest, annotations: { 'io.cncf.notary.x509chain.thumbprint#S256': '["00"]' } };
    expect(await codes(signature, { carrier })).toEqual(['verified', 'metadata log ANNOTATION_MISMATCH']);
  });
});
