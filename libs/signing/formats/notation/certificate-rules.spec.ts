import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { issue, issueChain, type Issued, type Wanted } from './certificate-fixture.js';
import { forgeJws, MANIFEST, NOW, trusting } from './envelope-fixture.js';
import { notationFormat } from './notation-format.js';

const { digitalSignature, nonRepudiation, keyEncipherment, keyCertSign, cRLSign } = x509.KeyUsageFlags;
const basic = (ca: boolean, length?: number) => new x509.BasicConstraintsExtension(ca, length, true);
const usage = (flags: number, critical = true) => new x509.KeyUsagesExtension(flags, critical);
const purposes = (...oids: string[]) => new x509.ExtendedKeyUsageExtension(oids);

/** Signs with the first certificate, trusts the last, and returns the check of integrity. */
async function integrityOf(chain: readonly Issued[]) {
  const signature = await forgeJws(chain);
  const report = await notationFormat.verify(signature, {
    manifest: MANIFEST,
    trust: trusting([chain.at(-1)!]),
    now: NOW,
  });
  return report.checks[0]!;
}

async function leafUnderRoot(wanted: Wanted): Promise<Issued[]> {
  const { root, leaf } = await issueChain(wanted);
  return [leaf, root];
}

async function underRoot(extensions: readonly x509.Extension[]): Promise<Issued[]> {
  const root = await issue({ ca: true, extensions });
  return [await issue({ issuer: root }), root];
}

describe('a leaf certificate', () => {
  it.each<[string, Wanted]>([
    ['without basic constraints', { extensions: [usage(digitalSignature)] }],
    ['with content commitment', { extensions: [usage(digitalSignature | nonRepudiation)] }],
    ['for code signing', { more: [purposes('1.3.6.1.5.5.7.3.3')] }],
  ])('%s may sign', async (_, wanted) => {
    expect(await integrityOf(await leafUnderRoot(wanted))).toMatchObject({ result: 'pass' });
  });

  it('that is self-signed may sign alone', async () => {
    expect(await integrityOf([await issue()])).toMatchObject({ result: 'pass' });
  });

  it.each<[string, Wanted]>([
    ['that is an authority', { extensions: [basic(true), usage(digitalSignature)] }],
    ['without key usage', { extensions: [basic(false)] }],
    ['with a key usage that is not critical', { extensions: [usage(digitalSignature, false)] }],
    ['without digital signature', { extensions: [usage(nonRepudiation)] }],
    ['with key encipherment', { extensions: [usage(digitalSignature | keyEncipherment)] }],
    ['with certificate signing', { extensions: [usage(digitalSignature | keyCertSign)] }],
    ['for TLS servers', { more: [purposes('1.3.6.1.5.5.7.3.1')] }],
    ['for TLS clients among others', { more: [purposes('1.3.6.1.5.5.7.3.3', '1.3.6.1.5.5.7.3.2')] }],
    ['for mail', { more: [purposes('1.3.6.1.5.5.7.3.4')] }],
    ['for timestamps', { more: [purposes('1.3.6.1.5.5.7.3.8')] }],
    ['for OCSP', { more: [purposes('1.3.6.1.5.5.7.3.9')] }],
  ])('%s may not sign', async (_, wanted) => {
    expect(await integrityOf(await leafUnderRoot(wanted))).toMatchObject({
      result: 'fail',
      code: 'CERT_USAGE_INVALID',
    });
  });

  it('signed with SHA-1 is refused as weak', async () => {
    expect(await integrityOf(await leafUnderRoot({ hash: 'SHA-1' }))).toMatchObject({ code: 'WEAK_ALGORITHM' });
  });
});

describe('a certificate authority', () => {
  it.each<[string, x509.Extension[]]>([
    ['without basic constraints', [usage(keyCertSign)]],
    ['with CA:FALSE', [basic(false), usage(keyCertSign)]],
    ['without key usage', [basic(true)]],
    ['with a key usage that is not critical', [basic(true), usage(keyCertSign, false)]],
    ['without certificate signing', [basic(true), usage(cRLSign)]],
  ])('%s may not issue', async (_, extensions) => {
    expect(await integrityOf(await underRoot(extensions))).toMatchObject({ code: 'CERT_USAGE_INVALID' });
  });

  it('may issue as many levels as its path length says', async () => {
    const chainWith = async (length: number) => {
      const root = await issue({ ca: true, extensions: [basic(true, length), usage(keyCertSign)] });
      const middle = await issue({ ca: true, issuer: root, subject: 'CN=Middle, O=Acme' });
      return [await issue({ issuer: middle }), middle, root];
    };
    expect(await integrityOf(await chainWith(1))).toMatchObject({ result: 'pass' });
    expect(await integrityOf(await chainWith(0))).toMatchObject({ code: 'CERT_CHAIN_INVALID' });
  });
});

describe('a chain', () => {
  it('that does not end in a root, is out of order, or has a stranger in it is refused', async () => {
    const { root, leaf } = await issueChain();
    const twin = await issue({ ca: true });
    for (const chain of [[leaf], [leaf, root, root], [leaf, twin], [leaf, leaf, root]]) {
      expect(await integrityOf(chain)).toMatchObject({ result: 'fail', code: 'CERT_CHAIN_INVALID' });
    }
  });

  it('whose leaf has a key that notation does not allow is refused', async () => {
    const { root, leaf } = await issueChain({ key: 2048 });
    const signature = JSON.parse((await forgeJws([leaf, root])).toString()) as { header: { x5c: string[] } };
    const other = await issueChain({ key: 'P-384' });
    signature.header.x5c = [other.leaf, other.root].map(({ certificate }) =>
      Buffer.from(certificate.rawData).toString('base64'),
    );
    const report = await notationFormat.verify(Buffer.from(JSON.stringify(signature)), {
      manifest: MANIFEST,
      trust: trusting([other.root]),
      now: NOW,
    });
    expect(report.checks[0]).toMatchObject({ code: 'UNSUPPORTED_ALGORITHM' });
  });
});
