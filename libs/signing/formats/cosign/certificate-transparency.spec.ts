import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Issued, issue } from '../notation/certificate-fixture.js';
import { issuePromised, openCtLog, type Promising } from './ct-log.js';
import { contextFor, failuresOf } from './fixtures.js';
import { openTileLog } from './tile-log.js';
import { signEnvelope, tileBundle } from './tile-bundle.js';
import { stampWithOpenssl } from '../notation/timestamp-fixture.js';
import { verifyCosign } from './verify.js';

const WHO = { subject: 'ci@example.com', issuer: 'https://oidc.example.com' };
const AT = new Date('2026-01-01T00:00:00Z');
const log = openTileLog();
const [known, second, unknown, rsa, p384] = [
  openCtLog(),
  openCtLog(),
  openCtLog(),
  openCtLog('RSA'),
  openCtLog('P-384'),
];
let root: Issued;
let intermediate: Issued;
let tsa: Issued;

const purpose = (oid: string) => new x509.ExtendedKeyUsageExtension([oid], true);
const signing = () => [
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
  purpose('1.3.6.1.5.5.7.3.3'),
  new x509.SubjectAlternativeNameExtension([{ type: 'email', value: WHO.subject }], true),
  new x509.Extension(
    '1.3.6.1.4.1.57264.1.8',
    false,
    new Uint8Array([0x0c, WHO.issuer.length, ...Buffer.from(WHO.issuer)]),
  ),
];

beforeAll(async () => {
  root = await issue({ ca: true });
  intermediate = await issue({ ca: true, issuer: root, subject: 'CN=Intermediate, O=Acme' });
  tsa = await issue({ issuer: root, subject: 'CN=TSA', key: 2048, more: [purpose('1.3.6.1.5.5.7.3.8')] });
});

const derOf = ({ certificate }: Issued) => Buffer.from(certificate.rawData);
const authority = (...chain: readonly Issued[]) => ({
  certChain: { certificates: chain.map((each) => ({ rawBytes: derOf(each).toString('base64') })) },
  validFor: { start: '2020-01-01T00:00:00Z' },
});

/** What `openssl ts` gives, as a whole response: granted, and the token. */
function responseOf(token: Buffer): string {
  const content = Buffer.concat([Buffer.from('3003020100', 'hex'), token]);
  return Buffer.concat([Buffer.of(0x30, 0x82, content.length >> 8, content.length & 0xff), content]).toString('base64');
}

function judge(
  leaf: Issued,
  { chain = [intermediate, root], ctlogs = [known, second, rsa, p384], hash = 'sha256', stampers = [tsa, root] } = {},
) {
  const who = { privateKey: leaf.privateKeyPem, certificate: derOf(leaf) };
  const signed = signEnvelope(who);
  const token = stampWithOpenssl(signed.signature, tsa, root, `signer_digest=${hash}`);
  const trustedRoot = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log.instance],
    ctlogs: ctlogs.map(({ instance }) => instance),
    certificateAuthorities: [authority(...chain)],
    timestampAuthorities: [authority(...stampers)],
  };
  const stamp = responseOf(Buffer.from(token, 'base64'));
  const bundle = tileBundle(who, signed.envelope, [log.entry(signed.hashedrekord)], [stamp]);
  return failuresOf(
    verifyCosign(Buffer.from(JSON.stringify(bundle)), contextFor({ trustedRoot, identities: [WHO] }, { now: AT })),
  );
}
const promised = (...promises: readonly Promising[]) =>
  issuePromised(intermediate, promises, { extensions: signing() });
const changed =
  (promise: Promising, change: (bytes: Buffer) => void): Promising =>
  (...given) => {
    const bytes = promise(...given);
    change(bytes);
    return bytes;
  };
const [good, stranger] = [known.promise(AT), unknown.promise(AT)];
const broken = changed(good, (bytes) => (bytes[bytes.length - 3]! ^= 1));

describe('the promises of CT logs in a certificate', () => {
  it.each([
    ['one of a trusted log', [good]],
    ['one of a log with an RSA key', [rsa.promise(AT)]],
    ['one more of an unknown log', [stranger, good]],
    ['one more that is broken', [broken, second.promise(AT)]],
    ['one more from before the log was trusted', [known.promise(new Date('2019-01-01T00:00:00Z')), good]],
  ])('suffice: %s', async (_, promises) => {
    expect(judge(await promised(...promises))).toEqual([]);
  });

  it.each([
    ['none', []],
    ['one of an unknown log', [stranger]],
    ['a broken one', [broken]],
    ['one from before the log was trusted', [known.promise(new Date('2019-01-01T00:00:00Z'))]],
    ['one of a log with a key that such logs do not have', [p384.promise(AT)]],
    ['one of another version', [changed(good, (bytes) => (bytes[0] = 1))]],
    ['one that names another algorithm', [changed(good, (bytes) => (bytes[44] = 1))]],
    ['one for another issuer', [(_issuer: Issued, leaf: Issued) => good(root, leaf)]],
    ['a good one and one that is cut', [good, (...given: [Issued, Issued]) => stranger(...given).subarray(0, -1)]],
  ])('do not suffice: %s', async (_, promises) => {
    expect(judge(await promised(...promises))).toEqual(['certificate:SCT_MISSING']);
  });

  it('are not asked for by a trusted root without CT logs', async () => {
    expect(judge(await promised(), { ctlogs: [] })).toEqual([]);
  });
});

describe('an authority of a trusted root', () => {
  it('may be an intermediate', async () => {
    const leaf = await promised(good);
    expect(judge(leaf, { chain: [intermediate] })).toEqual([]);
    expect(judge(leaf, { chain: [root] })).toEqual(['certificate:UNTRUSTED_ROOT']);
  });

  it('may stamp with RSA and any hash, and leave its certificate to the token', async () => {
    const leaf = await promised(good);
    for (const hash of ['sha256', 'sha384', 'sha512']) expect(judge(leaf, { hash })).toEqual([]);
    expect(judge(leaf, { stampers: [root] })).toEqual([]);
    expect(judge(leaf, { stampers: [intermediate, root] })).toEqual([]);
    for (const stampers of [[tsa], [intermediate], [await issue({ issuer: root }), root]])
      expect(judge(leaf, { stampers })).toContain('certificate:TIMESTAMP_MISSING');
  });
});
