import { createHash, createPublicKey, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MediaType } from '#oci/media-types.js';
import { describeSignatureFormat, sampleManifest } from '../format-suite.js';
import { cosignFormat } from './cosign-format.js';
import { contextFor, failuresOf, keyPair, NOW, REFERENCE, trusting } from './fixtures.js';
import { decodeLayerDocument, encodeLayerDocument, LayerAnnotation } from './layer-document.js';

const KEY_TYPES = ['P-256', 'P-384', 'P-521', 'RSA', 'Ed25519'] as const;
const good = keyPair();
const other = keyPair();
const open = async (shape: 'tag' | 'bundle') => ({
  format: cosignFormat,
  signer: await cosignFormat.openSigner({ privateKey: good.privateKey, shape }),
  trust: trusting({ cosignKeys: [good.publicKey] }),
  otherTrust: trusting({ cosignKeys: [other.publicKey] }),
  bindsReference: false,
});

describeSignatureFormat('cosign, companion tag', () => open('tag'));
describeSignatureFormat('cosign, bundle', async () => ({
  ...(await open('bundle')),
  malleable: (bytes) => {
    const start = Buffer.from(bytes).indexOf('"hint":"') + 1;
    return [[start, start + '"hint":"'.length + 44]];
  },
}));

describe('cosign signatures by key', () => {
  it.each(KEY_TYPES.flatMap((type) => (['tag', 'bundle'] as const).map((shape) => [type, shape] as const)))(
    'verify with %s in the shape %s',
    async (type, shape) => {
      const pair = keyPair(type);
      const signer = await cosignFormat.openSigner({ privateKey: pair.privateKey, shape });
      const signature = await signer.sign(sampleManifest(), REFERENCE, NOW);
      const report = await cosignFormat.verify(signature, contextFor({ cosignKeys: [signer.publicKey] }));
      expect(failuresOf(report)).toEqual([]);
      const spki = createPublicKey(pair.publicKey).export({ type: 'spki', format: 'der' });
      const fingerprint = createHash('sha256').update(spki).digest('hex');
      expect(report).toMatchObject({ outcome: 'verified', signer: { type: 'key', fingerprint } });
      expect(signer.fingerprint).toBe(fingerprint);
    },
  );

  it.each(['P-256', 'P-384', 'P-521'] as const)('by a %s key may be two numbers side by side', async (type) => {
    const pair = keyPair(type);
    const payload = cosignFormat.payload(sampleManifest(), REFERENCE);
    const raw = sign('sha256', payload, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
    const signed = (signature: Buffer) =>
      encodeLayerDocument({
        mimeType: MediaType.cosignSimpleSigning,
        payload,
        annotations: { [LayerAnnotation.signature]: signature.toString('base64') },
      });
    const context = contextFor({ cosignKeys: [pair.publicKey] });
    expect((await cosignFormat.verify(signed(raw), context)).outcome).toBe('verified');
    raw[3]! ^= 1;
    expect((await cosignFormat.verify(signed(raw), context)).outcome).not.toBe('verified');
  });

  it('are found among many keys, whatever the hint says', async () => {
    const signer = await cosignFormat.openSigner({ privateKey: good.privateKey, shape: 'bundle' });
    const text = Buffer.from(await signer.sign(sampleManifest(), REFERENCE, NOW)).toString();
    const cosignKeys = [...KEY_TYPES.map((type) => keyPair(type).publicKey), good.publicKey];
    for (const hint of ['', 'AAAA', createHash('sha256').update(cosignKeys[0]!).digest('base64')]) {
      const changed = Buffer.from(text.replace(/"hint":"[^"]*"/, `"hint":"${hint}"`));
      expect(await cosignFormat.verify(changed, contextFor({ cosignKeys }))).toMatchObject({ outcome: 'verified' });
    }
  });

  it('carry the full reference, creator and time under a companion tag, and the digest alone in a bundle', async () => {
    const tagged = JSON.parse(Buffer.from(cosignFormat.payload(sampleManifest(), REFERENCE)).toString());
    expect(tagged.critical).toEqual({
      identity: { 'docker-reference': REFERENCE },
      image: { 'docker-manifest-digest': sampleManifest().digest },
      type: 'cosign container image signature',
    });
    const signer = await cosignFormat.openSigner({ privateKey: good.privateKey });
    const parsed = await cosignFormat.parse(await signer.sign(sampleManifest(), REFERENCE, NOW));
    expect(parsed).toMatchObject({ scheme: 'cosign:tag', creator: 'hallmark', timestamp: NOW.getTime() / 1000 });
    const stated = JSON.parse(Buffer.from(cosignFormat.payload(sampleManifest(), REFERENCE, 'bundle')).toString());
    expect(stated).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: sampleManifest().digest.slice(7) } }],
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
      predicate: {},
    });
  });

  it('are read with and without the prefix of containers/image', async () => {
    const signer = await cosignFormat.openSigner({ privateKey: good.privateKey });
    const signature = await signer.sign(sampleManifest(), REFERENCE, NOW);
    const prefixed = Buffer.concat([Buffer.from('\0sigstore-json\n'), signature]);
    expect(await cosignFormat.parse(prefixed)).toEqual(await cosignFormat.parse(signature));
    const report = await cosignFormat.verify(prefixed, contextFor({ cosignKeys: [good.publicKey] }));
    expect(report.outcome).toBe('verified');
    expect(Buffer.from(encodeLayerDocument(decodeLayerDocument(prefixed)))).toEqual(Buffer.from(signature));
  });

  it('stay valid when a certificate that says nothing true is added', async () => {
    const signer = await cosignFormat.openSigner({ privateKey: good.privateKey });
    const layer = decodeLayerDocument(await signer.sign(sampleManifest(), REFERENCE, NOW));
    const annotations = {
      ...layer.annotations,
      [LayerAnnotation.certificate]: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    };
    const signature = encodeLayerDocument({ ...layer, annotations });
    const report = await cosignFormat.verify(signature, contextFor({ cosignKeys: [good.publicKey] }));
    expect(report).toMatchObject({ outcome: 'verified', signer: { type: 'key' } });
    const strange = await cosignFormat.verify(signature, contextFor({ cosignKeys: [other.publicKey] }));
    expect(strange.outcome).toBe('failed');
  });

  it('cannot be made with a weak or unknown key', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const strange = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    for (const [pair, code] of [
      [weak, 'WEAK_ALGORITHM'],
      [strange, 'UNSUPPORTED_ALGORITHM'],
    ] as const) {
      const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      await expect(cosignFormat.openSigner({ privateKey })).rejects.toMatchObject({ kind: 'invalid', code });
      const publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
      const signature = await (await open('tag')).signer.sign(sampleManifest(), REFERENCE, NOW);
      const report = await cosignFormat.verify(signature, contextFor({ cosignKeys: [publicKey] }));
      expect(failuresOf(report)).toEqual([`key:${code}`]);
    }
  });

  it('verify thousands of times a second', async () => {
    const { signer, trust } = await open('bundle');
    const signature = await signer.sign(sampleManifest(), REFERENCE, NOW);
    const started = performance.now();
    for (let round = 0; round < 500; round += 1)
      await cosignFormat.verify(signature, { manifest: sampleManifest(), trust, now: NOW });
    expect(500_000 / (performance.now() - started)).toBeGreaterThan(200);
  });
});
