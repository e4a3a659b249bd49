import { beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { notFound } from '#platform/domain-error.js';
import { describeSignatureFormat } from '../format-suite.js';
import type { BuiltinKeySource, Carrier, ExtractedSignature } from '../signature-format.js';
import { issue, issueChain } from './certificate-fixture.js';
import { MANIFEST, NOW, trusting } from './envelope-fixture.js';
import { inspectNotation } from './inspect-notation.js';
import { notationFormat } from './notation-format.js';

for (const shape of ['jws', 'cose'] as const) {
  describeSignatureFormat(`notation:${shape}`, async () => {
    const { root, leaf, pem } = await issueChain();
    return {
      format: notationFormat,
      now: NOW,
      signer: await notationFormat.openSigner({ privateKey: leaf.privateKeyPem, certificates: pem, shape }),
      trust: trusting([root]),
      otherTrust: trusting([await issue({ ca: true })]),
      bindsReference: false,
    };
  });
}

describe('notation keys', () => {
  it.each([
    ['P-256', 'ECDSA-SHA-256'],
    ['P-384', 'ECDSA-SHA-384'],
    ['P-521', 'ECDSA-SHA-512'],
    [2048, 'RSASSA-PSS-SHA-256'],
    [3072, 'RSASSA-PSS-SHA-384'],
    [4096, 'RSASSA-PSS-SHA-512'],
  ] as const)(
    'signs and verifies with %s',
    async (key, title) => {
      const { root, leaf, pem } = await issueChain({ key });
      for (const shape of ['jws', 'cose'] as const) {
        const signer = await notationFormat.openSigner({ privateKey: leaf.privateKeyPem, certificates: pem, shape });
        const signature = await signer.sign(MANIFEST, '', NOW);
        const report = await notationFormat.verify(signature, {
          manifest: MANIFEST,
          trust: trusting([root]),
          now: NOW,
        });
        expect(report).toMatchObject({
          outcome: 'verified',
          scheme: `notation:${shape}`,
          claimed: { signatureAlgorithm: title },
        });
        expect(inspectNotation(signature)).toMatchObject({
          signatureAlgorithm: title,
          signedArtifact: { size: MANIFEST.size },
        });
      }
    },
    60_000,
  );

  it('opens PKCS#1, SEC1 and encrypted PKCS#8 keys', async () => {
    const rsa = await issueChain({ key: 2048 });
    const ec = await issueChain();
    const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const;
    const sources = [
      { privateKey: rsa.leaf.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string, certificates: rsa.pem },
      { privateKey: ec.leaf.privateKey.export({ type: 'sec1', format: 'pem' }) as string, certificates: ec.pem },
      { privateKey: ec.leaf.privateKey.export(encrypted) as string, passphrase: 'secret', certificates: ec.pem },
    ];
    for (const source of sources) {
      const signer = await notationFormat.openSigner(source);
      expect((await notationFormat.parse(await signer.sign(MANIFEST, '', NOW))).fingerprint).toBe(signer.fingerprint);
    }
    await expect(notationFormat.openSigner({ ...sources[2]!, passphrase: 'wrong' })).rejects.toMatchObject({
      kind: 'invalid',
    });
  });

  it('refuses a key of another certificate, a missing chain, a broken chain and an expired one', async () => {
    const { root, leaf, pem } = await issueChain();
    const other = await issue();
    const open = (source: BuiltinKeySource) => notationFormat.openSigner(source);
    await expect(open({ privateKey: other.privateKeyPem, certificates: pem })).rejects.toMatchObject({
      options: { field: 'privateKey' },
    });
    await expect(open({ privateKey: leaf.privateKeyPem })).rejects.toMatchObject({
      options: { field: 'certificates' },
    });
    const broken = { privateKey: leaf.privateKeyPem, certificates: leaf.pem };
    await expect(open(broken)).rejects.toMatchObject({ code: 'CERT_CHAIN_INVALID' });
    const authority = { privateKey: root.privateKeyPem, certificates: root.pem };
    await expect(open(authority)).rejects.toMatchObject({ code: 'CERT_USAGE_INVALID' });
    const old = await issueChain({ notAfter: new Date('2026-01-01T00:00:00Z') });
    const signer = await notationFormat.openSigner({ privateKey: old.leaf.privateKeyPem, certificates: old.pem });
    await expect(signer.sign(MANIFEST, '', NOW)).rejects.toMatchObject({ code: 'CERT_EXPIRED' });
  });
});

describe('notation signature manifests', () => {
  let signature: Uint8Array;
  beforeAll(async () => {
    const { leaf, pem } = await issueChain();
    const signer = await notationFormat.openSigner({ privateKey: leaf.privateKeyPem, certificates: pem });
    signature = await signer.sign(MANIFEST, '', NOW);
  });

  const layerOf = (bytes: Uint8Array, mediaType: string = MediaType.jose) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const subject = { mediaType: MANIFEST.mediaType, digest: MANIFEST.digest, size: MANIFEST.size };
  const extract = (document: object, mediaType: string = MediaType.ociManifest): Promise<ExtractedSignature[]> => {
    const bytes = Buffer.from(JSON.stringify(document));
    const carrier: Carrier = {
      manifest: { mediaType, digest: digestOf(bytes), size: bytes.length, bytes },
      subject: MANIFEST.digest,
      fetch: async (wanted) => {
        if (wanted.digest !== digestOf(signature)) throw notFound('no such blob');
        return signature;
      },
    };
    return notationFormat.extract!(carrier);
  };
  const type = MediaType.notationSignature;

  it('are read in all three variants', async () => {
    const layers = [layerOf(signature)];
    expect(
      await extract({ artifactType: type, config: { mediaType: MediaType.ociEmpty }, layers, subject }),
    ).toHaveLength(1);
    expect(await extract({ config: { mediaType: type }, layers, subject })).toHaveLength(1);
    expect(await extract({ artifactType: type, blobs: layers, subject }, MediaType.ociArtifactManifest)).toHaveLength(
      1,
    );
  });

  it('give nothing when the type, the subject, the number or the type of layers is wrong', async () => {
    const layers = [layerOf(signature)];
    const good = { artifactType: type, layers, subject };
    expect(await extract({ ...good, artifactType: 'application/other' })).toEqual([]);
    expect(await extract({ ...good, subject: { ...subject, digest: digestOf('other') } })).toEqual([]);
    expect(await extract({ ...good, layers: [...layers, ...layers] })).toEqual([]);
    expect(await extract({ ...good, layers: [] })).toEqual([]);
    expect(await extract({ ...good, layers: [layerOf(signature, 'application/octet-stream')] })).toEqual([]);
    expect(await extract({ ...good, layers: [layerOf(signature, MediaType.cose)] })).toEqual([]);
    expect(await extract({ ...good, layers: [{ ...layerOf(signature), size: 5 * 1024 * 1024 }] })).toEqual([]);
    expect(await extract({ ...good, layers: [layerOf(Buffer.from('missing'))] })).toEqual([]);
  });

  it('carry the thumbprints and the signing time', async () => {
    const { manifest, blobs } = notationFormat.wrap!(MANIFEST, signature, NOW);
    const document = JSON.parse(Buffer.from(manifest.bytes).toString()) as { annotations: Record<string, string> };
    const { fingerprint } = await notationFormat.parse(signature);
    expect(JSON.parse(document.annotations['io.cncf.notary.x509chain.thumbprint#S256']!)).toHaveLength(2);
    expect(document.annotations['io.cncf.notary.x509chain.thumbprint#S256']).toContain(fingerprint);
    expect(document.annotations['org.opencontainers.image.created']).toBe('2026-06-01T12:00:00Z');
    expect(blobs.map((blob) => blob.descriptor.digest)).toEqual([digestOf('{}'), digestOf(signature)]);
  });
});
