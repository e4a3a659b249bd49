import { beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from 'openpgp';
import { digestOf } from '#oci/digest.js';
import { formatOf } from '../formats/all.js';
import { keyPair, NOW, REFERENCE, trusting } from '../formats/cosign/fixtures.js';
import { sampleManifest } from '../formats/format-suite.js';
import type { FormatName } from '../formats/signature-format.js';
import { type GivenSignature, verifyManifest } from './verify-manifest.js';

const manifest = sampleManifest();
const base64 = (text: string) => Buffer.from(text).toString('base64');
let one: Signer;
let two: Signer;
let cosign: Signer;

interface Signer {
  readonly signature: GivenSignature;
  readonly requirement: object;
}

async function signer(format: FormatName, privateKey: string, requirement: object): Promise<Signer> {
  const bytes = await (await formatOf(format).openSigner({ privateKey })).sign(manifest, REFERENCE, NOW);
  return { signature: { format, bytes, digest: digestOf(bytes) }, requirement };
}

async function openpgp(): Promise<Signer> {
  const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: 'Signer' }], date: new Date('2026-01-01') });
  return signer('simple', privateKey, { type: 'signedBy', keyType: 'GPGKeys', keyData: base64(publicKey) });
}

beforeAll(async () => {
  [one, two] = [await openpgp(), await openpgp()];
  const { privateKey, publicKey } = keyPair();
  cosign = await signer('cosign', privateKey, { type: 'sigstoreSigned', keyData: base64(publicKey) });
});

const verify = (requirements: readonly object[], ...signers: readonly Signer[]) =>
  verifyManifest(
    manifest,
    signers.map(({ signature }) => signature),
    REFERENCE,
    trusting({ containersPolicy: { default: requirements } }),
    NOW,
  );

describe('an image under a containers policy', () => {
  it('is verified when each requirement is met by some signature', async () => {
    const both = [one.requirement, two.requirement];
    expect(await verify(both, one, two)).toMatchObject({ verified: true, outcome: 'verified' });
    const half = await verify(both, one);
    expect(half).toMatchObject({ verified: false, outcome: 'untrusted' });
    expect(half.signatures.map((each) => each.verified)).toEqual([true]);
  });

  it('names each signer whose signatures count once, and none whose count for nothing', async () => {
    const signersOf = async (requirements: readonly object[], ...signers: readonly Signer[]) =>
      (await verify(requirements, ...signers)).signers.length;
    expect(await signersOf([one.requirement], one, one, two)).toBe(1);
    expect(await signersOf([one.requirement, two.requirement], one, two, two)).toBe(2);
    expect(await signersOf([one.requirement, two.requirement], one, cosign)).toBe(0);
  });

  it('may have to be signed in two families', async () => {
    const both = [one.requirement, cosign.requirement];
    expect((await verify(both, one)).verified).toBe(false);
    expect((await verify(both, cosign)).verified).toBe(false);
    expect((await verify(both, cosign, one)).verified).toBe(true);
  });

  it('is not refused for a signature more that nobody asked for', async () => {
    const report = await verify([one.requirement], two, one, cosign);
    expect(report.verified).toBe(true);
    expect(report.signatures.map(({ outcome }) => outcome)).toEqual(['untrusted', 'verified', 'untrusted']);
  });

  it('is never verified where the policy rejects, or asks what nothing can meet', async () => {
    const baseLayer = { type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchRepository' } };
    for (const more of [{ type: 'reject' }, baseLayer, { ...one.requirement, keyType: 'X509Certificates' }])
      expect((await verify([one.requirement, more], one)).verified).toBe(false);
    expect((await verify([one.requirement, { type: 'insecureAcceptAnything' }], one)).verified).toBe(true);
  });

  it('is skipped, not verified, where the policy accepts anything: signed by whomever or not at all', async () => {
    const anything = [{ type: 'insecureAcceptAnything' }];
    expect(await verify(anything)).toMatchObject({ verified: false, outcome: 'skipped', code: 'NO_SIGNATURE' });
    expect(await verify(anything, one)).toMatchObject({ verified: false, outcome: 'skipped', code: null });
    expect(await verify([one.requirement])).toMatchObject({ verified: false, outcome: 'failed' });
    expect(await verify([...anything, one.requirement])).toMatchObject({ verified: false, outcome: 'failed' });
  });

  it('is refused under a reference that names another digest', async () => {
    const at = async (digest: string) => {
      const [name] = REFERENCE.split(':');
      const trust = trusting({ containersPolicy: { default: [one.requirement] } });
      return verifyManifest(manifest, [one.signature], `${name}@${digest}`, trust, NOW);
    };
    expect((await at(manifest.digest)).verified).toBe(true);
    const { verified, signatures } = await at(digestOf('another'));
    expect(verified).toBe(false);
    expect(signatures[0]!.checks).toMatchObject([{ name: 'digest', code: 'DIGEST_MISMATCH' }]);
  });
});
