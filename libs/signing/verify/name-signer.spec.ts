import { generateKey } from 'openpgp';
import { describe, expect, it } from 'vitest';
import { sampleManifest } from '../formats/format-suite.js';
import { simpleFormat } from '../formats/simple/simple-format.js';
import { nameSigner } from './name-signer.js';

describe('the name of a signer', () => {
  it('is one for all OpenPGP signatures of a key, whenever they were made', async () => {
    const { privateKey, publicKey } = await generateKey({
      userIDs: [{ name: 'Signer' }],
      date: new Date('2026-01-01'),
    });
    const [manifest, reference] = [sampleManifest(), 'a.test/b:1'];
    const signer = await simpleFormat.openSigner({ privateKey });
    const trust = { openpgpKeys: [publicKey], cosignKeys: [], certificates: [] };
    const names = ['2026-02-01', '2026-03-01'].map(async (day) => {
      const signature = await signer.sign(manifest, reference, new Date(day));
      const report = await simpleFormat.verify(signature, { manifest, reference, trust, now: new Date('2026-06-01') });
      expect(report.outcome).toBe('verified');
      return nameSigner(report);
    });
    expect(await Promise.all(names)).toEqual([signer.fingerprint, signer.fingerprint]);
  });

  it('is the identity of a keyless signature, the key of other certificates, the leaf of a chain', () => {
    const identity = { oidcIssuer: 'https://accounts.test', identities: ['a@b.test'] };
    expect(nameSigner({ signer: { ...identity, keyFingerprint: 'one' } })).toBe(
      nameSigner({ signer: { ...identity, keyFingerprint: 'two', notAfter: '2026-01-01' } }),
    );
    expect(nameSigner({ signer: identity })).not.toBe(
      nameSigner({ signer: { ...identity, identities: ['c@b.test'] } }),
    );
    expect(nameSigner({ signer: { keyFingerprint: 'key', fingerprint: 'certificate' } })).toBe('key');
    expect(nameSigner({ signer: { thumbprints: ['leaf', 'root'] } })).toBe('leaf');
  });
});
