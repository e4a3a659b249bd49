import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { formatOf } from '../formats/all.js';
import type { StoredManifest } from '../formats/signature-format.js';
import { toPem } from '../formats/x509/pem.js';
import { readTrust } from './read-trust.js';
import { verifyManifest } from './verify-manifest.js';

const FOLDER = join(process.cwd(), 'test/fixtures/vectors');
const read = (...path: string[]) => readFileSync(join(FOLDER, ...path));
const document = (...path: string[]): unknown => JSON.parse(read(...path).toString());

interface ContainersImageVerdicts {
  readonly policies: Readonly<Record<string, object[]>>;
  readonly images: readonly { signatures: string[]; manifest: string; reference: string; accepted: string[] }[];
  readonly identities: readonly { identity: object; accepted: string[] }[];
  readonly references: readonly string[];
  readonly scopes: readonly { scope: string; accepted: string[] }[];
  readonly asked: readonly string[];
}

describe('verdicts on the vectors of containers/image are those of skopeo and podman', () => {
  const folder = 'containers-image';
  const verdicts = document(folder, 'verdicts.json') as ContainersImageVerdicts;
  const files = readdirSync(join(FOLDER, folder)).filter((name) => /\.(?:gpg|pem|pub|json)$/.test(name));
  const policy_files = Object.fromEntries(files.map((name) => [name, textOf(read(folder, name))]));
  const openpgp = { type: 'signedBy', keyType: 'GPGKeys', keyPath: 'public-key.gpg' };

  async function accepts(policy: object, signatures: readonly string[], manifest: string, reference: string) {
    const given = signatures.map((name) => {
      const bytes = read(folder, name);
      return { format: bytes[0] === 0 ? ('cosign' as const) : ('simple' as const), bytes, digest: digestOf(bytes) };
    });
    const bytes = read(folder, manifest);
    const stored = { mediaType: MediaType.dockerManifest, digest: digestOf(bytes), size: bytes.length, bytes };
    const trust = readTrust({ containers_policy: policy, policy_files });
    return (await verifyManifest(stored, given, reference, trust)).verified;
  }

  it.each(verdicts.images)('$signatures of $manifest as $reference', async (image) => {
    const accepted: string[] = [];
    for (const [name, requirements] of Object.entries(verdicts.policies))
      if (await accepts({ default: requirements }, image.signatures, image.manifest, image.reference))
        accepted.push(name);
    expect(accepted).toEqual(image.accepted);
  });

  it.each(verdicts.identities)('identity $identity', async ({ identity, accepted }) => {
    const policy = { default: [{ ...openpgp, signedIdentity: identity }] };
    const found: string[] = [];
    for (const reference of verdicts.references)
      if (await accepts(policy, ['image.signature'], 'image.manifest.json', reference)) found.push(reference);
    expect(found).toEqual(accepted);
  });

  it.each(verdicts.scopes)('scope "$scope"', async ({ scope, accepted }) => {
    const signedIdentity = { type: 'exactRepository', dockerRepository: 'testing/manifest' };
    const transports = { docker: { [scope]: [{ ...openpgp, signedIdentity }] } };
    const found: string[] = [];
    for (const reference of verdicts.asked)
      if (
        await accepts(
          { default: [{ type: 'reject' }], transports },
          ['image.signature'],
          'image.manifest.json',
          reference,
        )
      )
        found.push(reference);
    expect(found).toEqual(accepted);
  });

  it('the example policy is read as it is', async () => {
    const policy = document(folder, 'policy.json') as object;
    const at = (reference: string) => accepts(policy, ['image.signature'], 'image.manifest.json', reference);
    expect(await at('example.com/production/app:1')).toBe(false);
    expect(await at('elsewhere.example.org/app:1')).toBe(false);
  });
});

interface NotationVerdicts {
  readonly at: string;
  readonly policies: Readonly<Record<string, object>>;
  readonly signatures: readonly { signature: string; target: Omit<StoredManifest, 'bytes'>; accepted: string[] }[];
}

describe('verdicts on the vectors of notation-go are those of notation', () => {
  const folder = 'notation-go';
  const verdicts = document(folder, 'verdicts.json') as NotationVerdicts;
  const store = (name: string) =>
    readdirSync(join(FOLDER, folder, 'truststore', name)).map((file) => pemOf(read(folder, 'truststore', name, file)));
  const trust_stores = {
    'ca:test': store('ca'),
    'signingAuthority:test': store('signingAuthority'),
    'tsa:test': store('tsa'),
    'tsa:mismatch': store('tsa-mismatch'),
  };

  it.each(verdicts.signatures)('$signature', async ({ signature, target, accepted }) => {
    const found: string[] = [];
    for (const [name, statement] of Object.entries(verdicts.policies)) {
      const policy = { version: '1.0', trustPolicies: [{ name: 'vectors', registryScopes: ['*'], ...statement }] };
      // The vectors come without the manifests that they sign; the format compares descriptors only.
      const { outcome } = await formatOf('notation').verify(read(folder, signature), {
        manifest: { ...target, bytes: new Uint8Array() },
        reference: 'registry.example.com/a:1',
        trust: readTrust({ notation_trust_policy: policy, trust_stores }),
        now: new Date(verdicts.at),
      });
      if (outcome === 'verified' || outcome === 'skipped') found.push(name);
    }
    expect(found).toEqual(accepted);
  });
});

interface Entry {
  inclusionPromise?: unknown;
  integratedTime: string;
  inclusionProof: { treeSize: string; rootHash: string; hashes: string[] };
}
interface Attestation {
  mediaType: string;
  verificationMaterial: { tlogEntries: Entry[]; [member: string]: unknown };
  dsseEnvelope: { payload: string; signatures: { sig: string }[] };
  [member: string]: unknown;
}

describe('verdicts on the attestation of cosign are those of sigstore-go', () => {
  const trust = {
    trusted_root: document('cosign', 'trusted_root_pgi.json'),
    identities: [{ subject: 'cody@soyland.com', issuer: 'https://github.com/login/oauth' }],
    predicate_types: ['https://cosign.sigstore.dev/attestation/v1'],
  };
  const digest = 'sha256:732112270d7e59418a8c080b134b24cabd67d250d0d0147a97ed95ba5c280aa4';
  const manifest = { mediaType: MediaType.ociManifest, digest, size: 0, bytes: new Uint8Array() };
  async function accepts(bytes: Uint8Array, change: object = {}) {
    const context = { manifest, trust: readTrust({ ...trust, ...change }), now: new Date('2026-11-21T00:00:00Z') };
    return (await formatOf('cosign').verify(bytes, context)).outcome === 'verified';
  }
  const changed = (change: (bundle: Attestation, entry: Entry) => void) => {
    const bundle = document('cosign', 'oci-attestation.sigstore.json') as Attestation;
    change(bundle, bundle.verificationMaterial.tlogEntries[0]!);
    return Buffer.from(JSON.stringify(bundle));
  };

  it('verifies for its identity, and for no other', async () => {
    const bundle = read('cosign', 'oci-attestation.sigstore.json');
    expect(await accepts(bundle)).toBe(true);
    const [who] = trust.identities;
    expect(await accepts(bundle, { identities: [{ ...who!, subject: 'cody@soyland.co' }] })).toBe(false);
    expect(await accepts(bundle, { identities: [{ ...who!, issuer: 'https://example.com' }] })).toBe(false);
  });

  it.each<[string, boolean, (bundle: Attestation, entry: Entry) => void]>([
    [
      'a patch version of the type',
      true,
      (bundle) => (bundle.mediaType = 'application/vnd.dev.sigstore.bundle.v0.3.1+json'),
    ],
    [
      'the older spelling of the type',
      true,
      (bundle) => (bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.3'),
    ],
    ['version 0.2', false, (bundle) => (bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2')],
    ['an unknown member', false, (bundle) => (bundle['surprise'] = 1)],
    ['an unknown member inside', false, (bundle) => (bundle.verificationMaterial['surprise'] = 1)],
    ['no log entry', false, (bundle) => (bundle.verificationMaterial.tlogEntries = [])],
    ['its log entry twice', false, (bundle, entry) => bundle.verificationMaterial.tlogEntries.push(entry)],
    ['another time of the log', false, (_, entry) => (entry.integratedTime = '1740771500')],
    ['another size of the tree', false, (_, entry) => (entry.inclusionProof.treeSize += '0')],
    [
      'another root of the tree',
      false,
      (_, entry) => (entry.inclusionProof.rootHash = entry.inclusionProof.hashes[0]!),
    ],
    ['another path in the tree', false, (_, entry) => entry.inclusionProof.hashes.reverse()],
    ['no signature', false, (bundle) => (bundle.dsseEnvelope.signatures = [])],
    ['its signature twice', false, ({ dsseEnvelope }) => dsseEnvelope.signatures.push(dsseEnvelope.signatures[0]!)],
    ['another payload', false, ({ dsseEnvelope }) => (dsseEnvelope.payload = Buffer.from('{}').toString('base64'))],
  ])('with %s: %s', async (_, accepted, change) => {
    expect(await accepts(changed(change))).toBe(accepted);
  });
});

/** A binary OpenPGP key travels as base64. */
function textOf(bytes: Buffer): string {
  return bytes.includes('-----BEGIN') || bytes[0] === 0x7b ? bytes.toString() : bytes.toString('base64');
}

function pemOf(bytes: Buffer): string {
  return bytes.includes('-----BEGIN') ? bytes.toString() : toPem('CERTIFICATE', bytes);
}
