import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TrustMaterial } from '../../trust-material.js';
import { issue, issueChain, issueCrl, type Issued } from './certificate-fixture.js';
import { forgeJws, MANIFEST, trusting } from './envelope-fixture.js';
import { inspectNotation } from './inspect-notation.js';
import { notationFormat } from './notation-format.js';
import { stampWithOpenssl } from './timestamp-fixture.js';

const TIMESTAMP = 'io.cncf.notary.timestampSignature';
const LATER = new Date('2040-01-01T00:00:00Z');
const stamping = new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.8'], true);

describe('a timestamp over a notation signature', () => {
  let root: Issued;
  let leaf: Issued;
  let tsaRoot: Issued;
  let tsa: Issued;

  beforeAll(async () => {
    ({ root, leaf } = await issueChain());
    tsaRoot = await issue({ ca: true, subject: 'CN=TSA Root, O=Time, ST=WA, C=US', key: 2048 });
    tsa = await issue({ issuer: tsaRoot, subject: 'CN=TSA, O=Time, ST=WA, C=US', more: [stamping], key: 2048 });
  });

  const stamp = (bytes: Uint8Array, authority: Issued = tsa, more = '') =>
    stampWithOpenssl(bytes, authority, tsaRoot, more);

  async function signed(token?: (signature: Buffer) => string): Promise<Buffer> {
    const document = JSON.parse((await forgeJws([leaf, root])).toString()) as {
      signature: string;
      header: Record<string, unknown>;
    };
    if (token) document.header[TIMESTAMP] = token(Buffer.from(document.signature, 'base64url'));
    return Buffer.from(JSON.stringify(document));
  }

  const trusted = (more: Partial<TrustMaterial> = {}) => trusting([root], { tsaCertificates: [tsaRoot.pem], ...more });
  const timestampCheck = async (signature: Uint8Array, trust = trusted(), now = LATER) => {
    const report = await notationFormat.verify(signature, { manifest: MANIFEST, trust, now });
    return { report, check: report.checks.find(({ name }) => name === 'authenticTimestamp')! };
  };

  it('keeps a signature good after its certificates expired', async () => {
    const signature = await signed((bytes) => stamp(bytes));
    const { report, check } = await timestampCheck(signature);
    expect(check).toMatchObject({ result: 'pass' });
    expect(report).toMatchObject({ outcome: 'verified', trustedTime: { source: 'rfc3161' } });
    expect(inspectNotation(signature).unsignedAttributes['timestampSignature']).toMatchObject({
      certificates: [{}, {}],
    });
    expect((await timestampCheck(signature, trusting([root]))).check.code).toBe('CERT_EXPIRED');
  });

  it('must be there when a policy names a store of authorities, and without a policy once the certificates expired', async () => {
    const signature = await signed();
    expect((await timestampCheck(signature)).check.code).toBe('TIMESTAMP_MISSING');
    expect((await timestampCheck(signature, trusted(), new Date())).check.result).toBe('pass');
    const statement = {
      name: 'a',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict', verifyTimestamp: 'afterCertExpiry' },
      trustStores: ['ca:a', 'tsa:a'],
      trustedIdentities: ['*'],
    };
    const lazy = trusted({ notationTrustPolicy: { version: '1.0', trustPolicies: [statement] } });
    expect((await timestampCheck(signature, lazy, new Date())).check.result).toBe('pass');
    const always = { ...statement, signatureVerification: { level: 'strict', verifyTimestamp: 'always' } };
    const eager = trusted({ notationTrustPolicy: { version: '1.0', trustPolicies: [always] } });
    expect((await timestampCheck(signature, eager, new Date())).check.code).toBe('TIMESTAMP_MISSING');
    expect((await timestampCheck(signature, lazy)).check.code).toBe('TIMESTAMP_MISSING');
    expect((await timestampCheck(await signed((bytes) => stamp(bytes)), lazy)).check.result).toBe('pass');
  });

  it('is refused over other bytes, when changed, from a stranger, and when it is no token', async () => {
    const strangers = trusting([root], { tsaCertificates: [(await issue({ ca: true })).pem] });
    expect((await timestampCheck(await signed(() => stamp(Buffer.from('other'))))).check).toMatchObject({
      code: 'TIMESTAMP_INVALID',
    });
    expect((await timestampCheck(await signed((bytes) => stamp(bytes)), strangers)).check).toMatchObject({
      code: 'TIMESTAMP_INVALID',
    });
    expect((await timestampCheck(await signed(() => 'AAAA'))).check).toMatchObject({ code: 'TIMESTAMP_INVALID' });
    const changed = (signature: Buffer) => {
      const token = Buffer.from(stamp(signature), 'base64');
      token[token.length - 1]! ^= 1;
      return token.toString('base64');
    };
    expect((await timestampCheck(await signed(changed))).check).toMatchObject({ code: 'TIMESTAMP_INVALID' });
    const shifted = (signature: Buffer) => {
      const token = Buffer.from(stamp(signature), 'base64');
      const year = token.indexOf(new Date().toISOString().slice(0, 4));
      token.write('2027', year);
      return token.toString('base64');
    };
    expect((await timestampCheck(await signed(shifted))).check).toMatchObject({ code: 'TIMESTAMP_INVALID' });
  });

  it('is refused when its authority broke the rules, was not valid or is revoked', async () => {
    const free = await issue({ issuer: tsaRoot, subject: 'CN=TSA, O=Time', key: 2048, extensions: [stamping] });
    expect((await timestampCheck(await signed((bytes) => stamp(bytes, free)))).check).toMatchObject({
      code: 'TIMESTAMP_INVALID',
      detail: expect.stringContaining('key usage') as string,
    });
    const old = await issue({
      issuer: tsaRoot,
      subject: 'CN=TSA, O=Time',
      key: 2048,
      more: [stamping],
      notAfter: new Date('2026-01-01'),
    });
    expect((await timestampCheck(await signed((bytes) => stamp(bytes, old)))).check).toMatchObject({
      code: 'TIMESTAMP_INVALID',
    });
    const crls = [await issueCrl(tsaRoot, [tsa])];
    expect((await timestampCheck(await signed((bytes) => stamp(bytes)), trusted({ crls }))).check).toMatchObject({
      code: 'TIMESTAMP_INVALID',
    });
  });

  it('must lie within the validity of the signing certificates, with its accuracy', async () => {
    const past = await issueChain({ notAfter: new Date('2026-01-01T00:00:00Z') });
    const document = JSON.parse((await forgeJws([past.leaf, past.root])).toString()) as {
      signature: string;
      header: Record<string, unknown>;
    };
    document.header[TIMESTAMP] = stamp(Buffer.from(document.signature, 'base64url'));
    const trust = trusting([past.root], { tsaCertificates: [tsaRoot.pem] });
    expect((await timestampCheck(Buffer.from(JSON.stringify(document)), trust)).check).toMatchObject({
      code: 'CERT_EXPIRED',
    });
    const vague = await signed((bytes) => stamp(bytes, tsa, `accuracy=secs:${20 * 365 * 24 * 3600}`));
    expect((await timestampCheck(vague)).check.result).toBe('fail');
  });
});
