import { sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MediaType } from '#oci/media-types.js';
import type { TrustMaterial } from '../../trust-material.js';
import { judgeSignature } from '../../verify/judge-signature.js';
import { sampleManifest } from '../format-suite.js';
import { cosignFormat } from './cosign-format.js';
import { contextFor, failuresOf, keyPair, NOW, REFERENCE } from './fixtures.js';
import { encodeLayerDocument, LayerAnnotation } from './layer-document.js';
import { encodeSimplePayload } from './simple-payload.js';

const pair = keyPair();
const other = keyPair();
const data = (publicKey: string) => Buffer.from(publicKey).toString('base64');
const required = (change: object = {}) => ({ type: 'sigstoreSigned', keyData: data(pair.publicKey), ...change });
const policy = (...requirements: object[]) => ({
  default: [{ type: 'reject' }],
  transports: { docker: { 'registry.example.com/team': requirements } },
});

async function check(trust: Partial<TrustMaterial>, reference = REFERENCE, shape: 'tag' | 'bundle' = 'tag') {
  const signer = await cosignFormat.openSigner({ privateKey: pair.privateKey, shape });
  const signature = await signer.sign(sampleManifest(), REFERENCE, NOW);
  const { reference: _, ...context } = contextFor(trust);
  return (await judgeSignature('cosign', signature, { ...context, ...(reference === '' ? {} : { reference }) })).report;
}

describe('a containers policy with sigstoreSigned', () => {
  it('trusts its own key data and binds the reference', async () => {
    const containersPolicy = policy(required());
    const report = await check({ containersPolicy });
    expect(failuresOf(report)).toEqual([]);
    expect(report).toMatchObject({ outcome: 'verified', policy: { statement: 'sigstoreSigned' } });
    expect(failuresOf(await check({ containersPolicy }, 'registry.example.com/team/app:2.0'))).toEqual([
      'reference:REFERENCE_MISMATCH',
    ]);
    expect(failuresOf(await check({ containersPolicy }, 'registry.example.com/team/other:1.0'))).toEqual([
      'reference:REFERENCE_MISMATCH',
    ]);
  });

  it('compares the reference as its signedIdentity says', async () => {
    const containersPolicy = policy(required({ signedIdentity: { type: 'matchRepository' } }));
    expect((await check({ containersPolicy }, 'registry.example.com/team/app:2.0')).outcome).toBe('verified');
    expect((await check({ containersPolicy }, 'registry.example.com/team/other:2.0')).outcome).toBe('failed');
  });

  it('is the only trust where there is one', async () => {
    const containersPolicy = policy(required({ keyData: data(other.publicKey) }));
    const report = await check({ containersPolicy, cosignKeys: [pair.publicKey] });
    expect(failuresOf(report)).toEqual(['key:UNKNOWN_KEY']);
  });

  it('takes the file of a path from the files that came along, else the keys without a name', async () => {
    const containersPolicy = policy(required({ keyData: undefined, keyPath: '/etc/pki/cosign.pub' }));
    expect((await check({ containersPolicy, cosignKeys: [pair.publicKey] })).outcome).toBe('verified');
    expect(failuresOf(await check({ containersPolicy }))).toEqual(['key:UNKNOWN_KEY']);
    const policyFiles = { '/etc/pki/cosign.pub': other.publicKey };
    const named = await check({ containersPolicy, policyFiles, cosignKeys: [pair.publicKey] });
    expect(failuresOf(named)).toEqual(['key:UNKNOWN_KEY']);
  });

  it('reads the first key of a file, and trusts none of a list with a broken one', async () => {
    const both = data(`${other.publicKey}${pair.publicKey}`);
    expect((await check({ containersPolicy: policy(required({ keyData: both })) })).outcome).toBe('untrusted');
    const keyDatas = [data(other.publicKey), data(pair.publicKey)];
    const whole = policy(required({ keyData: undefined, keyDatas }));
    expect((await check({ containersPolicy: whole })).outcome).toBe('verified');
    const broken = policy(required({ keyData: undefined, keyDatas: [...keyDatas, data('nonsense')] }));
    expect(failuresOf(await check({ containersPolicy: broken }))).toEqual(['key:UNSUPPORTED_ALGORITHM']);
  });

  it('does not speak of bundles, which podman and skopeo do not read', async () => {
    const report = await check({ containersPolicy: policy(required()) }, REFERENCE, 'bundle');
    expect(failuresOf(report)).toEqual(['key:NO_APPLICABLE_POLICY']);
    expect(report.outcome).toBe('untrusted');
  });

  it.each(['P-384', 'P-521'] as const)(
    'takes SHA-256 with a %s key, and no other hash, as podman does',
    async (curve) => {
      const { privateKey, publicKey } = keyPair(curve);
      const payload = encodeSimplePayload(sampleManifest().digest, REFERENCE, NOW);
      const containersPolicy = policy(required({ keyData: data(publicKey) }));
      for (const [hash, outcome] of [
        ['sha256', 'verified'],
        [`sha${curve === 'P-384' ? 384 : 512}`, 'untrusted'],
      ]) {
        const annotations = { [LayerAnnotation.signature]: sign(hash, payload, privateKey).toString('base64') };
        const layer = encodeLayerDocument({ mimeType: MediaType.cosignSimpleSigning, payload, annotations });
        const judged = await judgeSignature('cosign', layer, contextFor({ containersPolicy }));
        expect(judged.report.outcome).toBe(outcome);
        expect((await cosignFormat.verify(layer, contextFor({ cosignKeys: [publicKey] }))).outcome).toBe('verified');
      }
    },
  );

  it('leaves a signature of another key untrusted', async () => {
    const report = await check({ containersPolicy: policy(required({ keyData: data(other.publicKey) })) });
    expect(failuresOf(report)).toEqual(['key:UNKNOWN_KEY']);
  });

  it('refuses everything where it rejects or names no sigstore key', async () => {
    const trust = { cosignKeys: [pair.publicKey] };
    const gpg = policy({ type: 'signedBy', keyType: 'GPGKeys', keyData: 'AAAA' });
    for (const [containersPolicy, reference] of [
      [policy(required()), 'elsewhere.example.com/app:1.0'],
      [policy(required(), { type: 'reject' }), REFERENCE],
      [gpg, REFERENCE],
    ] as const)
      expect(failuresOf(await check({ ...trust, containersPolicy }, reference))).toEqual([
        'policy:NO_APPLICABLE_POLICY',
      ]);
  });

  it('is the caller’s to mend when it cannot be read', async () => {
    for (const containersPolicy of [policy(required({ surprise: true })), 'nothing'])
      await expect(check({ containersPolicy })).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('applies its default requirements when no reference is given', async () => {
    const unnamed = await check({ containersPolicy: policy(required()), cosignKeys: [pair.publicKey] }, '');
    expect(failuresOf(unnamed)).toEqual(['policy:NO_APPLICABLE_POLICY']);
    const dockerRepository = 'registry.example.com/team/app';
    const open = { default: [required({ signedIdentity: { type: 'exactRepository', dockerRepository } })] };
    expect((await check({ containersPolicy: open }, '')).outcome).toBe('verified');
  });

  it('that accepts anything leaves what is not trusted otherwise skipped', async () => {
    const containersPolicy = policy({ type: 'insecureAcceptAnything' });
    expect((await check({ containersPolicy })).outcome).toBe('skipped');
    expect((await check({ containersPolicy, cosignKeys: [pair.publicKey] })).outcome).toBe('verified');
  });
});
