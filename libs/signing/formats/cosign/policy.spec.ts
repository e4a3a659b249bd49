import { describe, expect, it } from 'vitest';
import type { TrustMaterial } from '../../trust-material.js';
import { sampleManifest } from '../format-suite.js';
import { cosignFormat } from './cosign-format.js';
import { contextFor, failuresOf, keyPair, NOW, REFERENCE } from './fixtures.js';

const pair = keyPair();
const other = keyPair();
const data = (publicKey: string) => Buffer.from(publicKey).toString('base64');
const required = (change: object = {}) => ({ type: 'sigstoreSigned', keyData: data(pair.publicKey), ...change });
const policy = (...requirements: object[]) => ({
  default: [{ type: 'reject' }],
  transports: { docker: { 'registry.example.com/team': requirements } },
});

async function check(
  trust: Partial<TrustMaterial>,
  reference: string | undefined = REFERENCE,
  shape: 'tag' | 'bundle' = 'tag',
) {
  const signer = await cosignFormat.openSigner({ privateKey: pair.privateKey, shape });
  const signature = await signer.sign(sampleManifest(), REFERENCE, NOW);
  const { reference: _, ...context } = contextFor(trust);
  return cosignFormat.verify(signature, { ...context, ...(reference === undefined ? {} : { reference }) });
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

  it('binds the reference of signatures by other trusted keys too', async () => {
    const containersPolicy = policy(required({ keyData: data(other.publicKey) }));
    const trust = { containersPolicy, cosignKeys: [pair.publicKey] };
    expect((await check(trust)).outcome).toBe('verified');
    expect((await check(trust, 'registry.example.com/team/app:2.0')).outcome).toBe('failed');
  });

  it('is met by no bundle, which names no reference', async () => {
    const report = await check({ containersPolicy: policy(required()) }, REFERENCE, 'bundle');
    expect(failuresOf(report)).toEqual(['reference:REFERENCE_MISMATCH']);
  });

  it('leaves a signature of another key untrusted', async () => {
    const report = await check({ containersPolicy: policy(required({ keyData: data(other.publicKey) })) });
    expect(failuresOf(report)).toEqual(['key:UNKNOWN_KEY']);
  });

  it('refuses everything where it rejects, cannot be read, or names no sigstore key', async () => {
    const trust = { cosignKeys: [pair.publicKey] };
    for (const [containersPolicy, reference] of [
      [policy(required()), 'elsewhere.example.com/app:1.0'],
      [policy(required({ surprise: true })), REFERENCE],
      [policy(required({ keyData: undefined, keyPath: '/etc/key.pub' })), REFERENCE],
      ['nothing', REFERENCE],
    ] as const)
      expect(failuresOf(await check({ ...trust, containersPolicy }, reference))).toEqual(['key:NO_APPLICABLE_POLICY']);
    const gpg = policy({ type: 'signedBy', keyType: 'GPGKeys', keyData: 'AAAA' });
    expect(failuresOf(await check({ containersPolicy: gpg }))).toEqual(['key:NO_APPLICABLE_POLICY']);
  });

  it('is not looked at without a reference', async () => {
    const { reference: _, ...context } = contextFor({
      containersPolicy: policy(required()),
      cosignKeys: [pair.publicKey],
    });
    const signer = await cosignFormat.openSigner({ privateKey: pair.privateKey });
    const report = await cosignFormat.verify(await signer.sign(sampleManifest(), REFERENCE, NOW), context);
    expect(report).toMatchObject({ outcome: 'verified', policy: null });
  });
});
