import { execFileSync } from 'node:child_process';
import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type FormatFixture, describeSignatureFormat, sampleManifest } from '../format-suite.js';
import { certificatesOf } from '../x509/certificate.js';
import { libtrustKeyId } from './certificate-names.js';
import { nv2Format } from './nv2-format.js';

const folder = mkdtempSync(join(tmpdir(), 'nv2-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const reference = '127.0.0.1:5000/busybox:latest';
const now = new Date(Date.now() + 60_000);
const NONE = { openpgpKeys: [], cosignKeys: [], certificates: [] };

/** A self-signed certificate as `openssl req -x509` makes it. */
function newCertificate(name: string, newkey: string[], san = 'IP:127.0.0.1', days = '365') {
  const [key, crt] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const subject = ['-subj', '/CN=127.0.0.1/O=example inc/C=IN', '-addext', `subjectAltName=${san}`];
  execFileSync(
    'openssl',
    ['req', '-x509', '-sha256', '-nodes', '-newkey', ...newkey, '-days', days, '-keyout', key, '-out', crt, ...subject],
    { stdio: 'pipe' },
  );
  return { privateKey: readFileSync(key, 'utf8'), certificates: readFileSync(crt, 'utf8') };
}

const RSA = ['rsa:2048'];
const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const rsa = newCertificate('rsa', RSA);
const ecdsa = newCertificate('ecdsa', P256);
const other = newCertificate('other', P256);

const fixture = async (made: typeof rsa): Promise<FormatFixture> => ({
  format: nv2Format,
  now,
  reference,
  signer: await nv2Format.openSigner(made),
  trust: { ...NONE, certificates: [made.certificates] },
  otherTrust: { ...NONE, certificates: [other.certificates] },
  bindsReference: true,
});

describeSignatureFormat('nv2, RSA', () => fixture(rsa));
describeSignatureFormat('nv2, P-256', () => fixture(ecdsa));

describe('nv2', () => {
  const manifest = sampleManifest();
  const codes = async (bytes: Uint8Array, made: typeof rsa, change: object = {}) => {
    const report = await nv2Format.verify(bytes, {
      manifest,
      reference,
      now,
      trust: { ...NONE, certificates: [made.certificates] },
      ...change,
    });
    return report.checks.flatMap((check) => check.code ?? []);
  };
  const jws = (header: object, claims: object) => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${encode(header)}.${encode(claims)}`;
    return Buffer.from(
      `${signed}.${sign('sha256', Buffer.from(signed), createPrivateKey(rsa.privateKey)).toString('base64url')}`,
    );
  };
  const { mediaType, digest, size } = manifest;
  const certificate = certificatesOf([rsa.certificates])[0]!;
  const header = { typ: 'x509', alg: 'RS256', x5c: [Buffer.from(certificate.der).toString('base64')] };

  it('finds the certificate by the key id of libtrust', async () => {
    const kid = libtrustKeyId(certificate.publicKey);
    expect(kid).toMatch(/^(?:[A-Z2-7]{4}:){11}[A-Z2-7]{4}$/);
    const bytes = jws({ typ: 'x509', alg: 'RS256', kid }, { mediaType, digest, size });
    expect(await codes(bytes, rsa)).toEqual([]);
    expect(await codes(bytes, other)).toEqual(['UNKNOWN_KEY']);
  });

  it('refuses an expired signature, one that is not yet valid, and good ones not', async () => {
    const seconds = now.getTime() / 1000;
    expect(await codes(jws(header, { mediaType, digest, size, exp: seconds - 1 }), rsa)).toEqual(['SIGNATURE_EXPIRED']);
    expect(await codes(jws(header, { mediaType, digest, size, nbf: seconds + 1 }), rsa)).toEqual(['BAD_SIGNATURE']);
    expect(await codes(jws(header, { mediaType, digest, size, nbf: seconds - 1, exp: seconds + 1 }), rsa)).toEqual([]);
  });

  it('refuses an expired certificate', async () => {
    const bytes = jws(header, { mediaType, digest, size });
    expect(await codes(bytes, rsa, { now: new Date(now.getTime() + 366 * 86_400_000) })).toEqual(['CERT_EXPIRED']);
  });

  it('refuses a host that the certificate does not stand for', async () => {
    const references = ['registry.example.com/busybox:latest'];
    const bytes = jws(header, { mediaType, digest, size, references });
    expect(await codes(bytes, rsa, { reference: references[0] })).toEqual(['IDENTITY_MISMATCH']);
  });

  it('is nothing that a policy of today asks for', async () => {
    const bytes = await (await nv2Format.openSigner(rsa)).sign(manifest, reference, now);
    const certificates = [rsa.certificates];
    expect(await codes(bytes, rsa)).toEqual([]);
    for (const policy of ['notationTrustPolicy', 'containersPolicy'])
      expect(await codes(bytes, rsa, { trust: { ...NONE, certificates, [policy]: {} } })).toEqual([
        'NO_APPLICABLE_POLICY',
      ]);
  });

  it('refuses another media type and size under the right digest', async () => {
    expect(await codes(jws(header, { mediaType: 'text/plain', digest, size }), rsa)).toEqual(['DESCRIPTOR_MISMATCH']);
    expect(await codes(jws(header, { mediaType, digest, size: size + 1 }), rsa)).toEqual(['DESCRIPTOR_MISMATCH']);
  });

  it.each([
    ['UNSUPPORTED_ALGORITHM', { ...header, alg: 'none' }],
    ['UNSUPPORTED_ALGORITHM', { ...header, alg: 'HS256' }],
    ['UNSUPPORTED_ALGORITHM', { ...header, alg: 'ES256' }],
    ['UNSUPPORTED_FORMAT', { ...header, typ: 'JWT' }],
    ['CRITICAL_ATTRIBUTE_UNHANDLED', { ...header, crit: ['b64'], b64: false }],
    ['MALFORMED_ENVELOPE', { typ: 'x509', alg: 'RS256' }],
  ])('answers %s to a header that it does not know', async (code, strange) => {
    expect(await codes(jws(strange, { mediaType, digest, size }), rsa)).toEqual([code]);
  });

  it('does not take a signature that is cut to whole base64 characters', async () => {
    for (const made of [rsa, ecdsa]) {
      const whole = Buffer.from(await (await nv2Format.openSigner(made)).sign(manifest, reference, now)).toString();
      const at = whole.lastIndexOf('.') + 1;
      const cut = Buffer.from(whole.slice(0, at) + whole.slice(at, at + 40));
      await expect(nv2Format.parse(cut)).rejects.toMatchObject({ code: 'MALFORMED_ENVELOPE' });
      expect(await codes(cut, made)).toEqual(['BAD_SIGNATURE']);
    }
  });

  it('does not sign with a key of another certificate', async () => {
    await expect(
      nv2Format.openSigner({ privateKey: rsa.privateKey, certificates: other.certificates }),
    ).rejects.toThrow(/does not belong/);
    await expect(nv2Format.openSigner({ privateKey: rsa.privateKey })).rejects.toThrow(/certificate is needed/);
  });

  it('leaves artifacts alone that name another subject or are none of its own', async () => {
    const signature = jws(header, { mediaType, digest, size });
    const wrapped = nv2Format.wrap!(manifest, signature, now).manifest;
    const carrier = { manifest: { ...wrapped.descriptor, bytes: wrapped.bytes }, fetch: async () => signature };
    expect(await nv2Format.extract!({ ...carrier, subject: digest })).toHaveLength(1);
    expect(await nv2Format.extract!({ ...carrier, subject: sampleManifest('two').digest })).toEqual([]);
    expect(await nv2Format.extract!({ ...carrier, manifest, subject: digest })).toEqual([]);
    expect(await nv2Format.extract!({ ...carrier, subject: digest, fetch: async () => Buffer.from('a.b.c') })).toEqual(
      [],
    );
  });
});
