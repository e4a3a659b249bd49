import { Tag } from 'cbor2';
import { beforeAll, describe, expect, it } from 'vitest';
import type { VerifyContext } from '../signature-format.js';
import { issue, issueChain, type Issued } from './certificate-fixture.js';
import { forgeCose, forgeJws, MANIFEST, NOW, trusting } from './envelope-fixture.js';
import { notationFormat } from './notation-format.js';

const SCHEME = 'io.cncf.notary.signingScheme';
const EXPIRY = 'io.cncf.notary.expiry';
const LEVELS = ['strict', 'permissive', 'audit', 'skip'] as const;

let root: Issued;
let leaf: Issued;
beforeAll(async () => {
  ({ root, leaf } = await issueChain());
});

const statement = (change: object = {}) => ({
  version: '1.0',
  trustPolicies: [
    {
      name: 'all',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict' },
      trustStores: ['ca:acme'],
      trustedIdentities: ['*'],
      ...change,
    },
  ],
});
const at = (level: (typeof LEVELS)[number], trustStores: readonly string[] = ['ca:acme']) =>
  statement(
    level === 'skip'
      ? { signatureVerification: { level }, trustStores: [], trustedIdentities: [] }
      : { signatureVerification: { level }, trustStores },
  );

async function verify(signature: Uint8Array, change: Partial<VerifyContext> = {}) {
  const context = { manifest: MANIFEST, trust: trusting([root]), now: NOW, ...change };
  return notationFormat.verify(signature, context);
}

describe.each(['jws', 'cose'] as const)('a notation signature as %s', (shape) => {
  const forge = (chain: readonly Issued[] = [leaf, root], expiry?: string) => {
    const seconds = expiry === undefined ? 0 : Date.parse(expiry) / 1000;
    if (shape === 'jws')
      return forgeJws(chain, expiry === undefined ? {} : { protected: { crit: [SCHEME, EXPIRY], [EXPIRY]: expiry } });
    return forgeCose(chain, seconds === 0 ? {} : { protected: { 2: [SCHEME, EXPIRY], [EXPIRY]: new Tag(1, seconds) } });
  };

  it('is refused with any byte changed', async () => {
    const signature = await forge();
    for (let offset = 0; offset < signature.length; offset += 1) {
      const changed = Uint8Array.from(signature);
      changed[offset]! ^= 1;
      expect((await verify(changed)).outcome, `byte ${offset}`).not.toBe('verified');
    }
  });

  it('is refused when it ends at any byte before its end', async () => {
    const signature = await forge();
    for (let length = 0; length < signature.length; length += 1)
      expect((await verify(signature.subarray(0, length))).outcome, `${length} bytes`).not.toBe('verified');
  });

  it.each([
    ['ca:acme', 'ca', 'verified'],
    ['ca:acme', 'signingAuthority', 'untrusted'],
    ['ca:acme', 'tsa', 'untrusted'],
  ])('with %s asked for and the root in the store of type %s is %s', async (wanted, type, outcome) => {
    const other = await issue({ ca: true });
    const trustStores = { [wanted]: [other.pem], [`${type}:acme`]: [root.pem] };
    const trust = trusting([], { trustStores, notationTrustPolicy: at('strict') });
    expect((await verify(await forge(), { trust })).outcome).toBe(outcome);
  });

  it('is untrusted when a store of its policy is empty or holds a certificate that is no authority', async () => {
    const notationTrustPolicy = at('strict', ['ca:acme', 'ca:more']);
    for (const more of [[], [leaf.pem]]) {
      const trust = trusting([], { trustStores: { 'ca:acme': [root.pem], 'ca:more': more }, notationTrustPolicy });
      const { outcome, checks } = await verify(await forge(), { trust });
      expect(outcome).toBe('untrusted');
      expect(checks).toContainEqual(
        expect.objectContaining({ code: 'UNTRUSTED_ROOT', detail: expect.stringMatching(/ca:more/) as string }),
      );
    }
    const trust = trusting([], {
      trustStores: { 'ca:acme': [root.pem], 'ca:more': [leaf.pem] },
      notationTrustPolicy: at('strict'),
    });
    expect((await verify(await forge(), { trust })).outcome).toBe('verified');
  });

  /** Of each level, what becomes of a signature that fails one check: strict, permissive, audit, skip. */
  it.each<[string, () => Promise<[Uint8Array, Partial<VerifyContext>]>, readonly string[]]>([
    [
      'integrity',
      async () => [(await forge()).map((byte, index, all) => (index === all.length - 3 ? byte ^ 4 : byte)), {}],
      ['failed', 'failed', 'failed', 'skipped'],
    ],
    ['a chain without its root', async () => [await forge([leaf]), {}], ['failed', 'failed', 'failed', 'skipped']],
    [
      'a self-signed authority as signer',
      async () => [await forge([root]), {}],
      ['failed', 'failed', 'failed', 'skipped'],
    ],
    [
      'a certificate of its chain twice',
      async () => [await forge([leaf, root, root]), {}],
      ['failed', 'failed', 'failed', 'skipped'],
    ],
    [
      'a stranger',
      async () => [await forge(), { trust: trusting([await issue({ ca: true })]) }],
      ['untrusted', 'untrusted', 'verified', 'skipped'],
    ],
    [
      'its own expiry',
      async () => [await forge(undefined, '2026-06-01T11:30:00Z'), {}],
      ['failed', 'verified', 'verified', 'skipped'],
    ],
    [
      'certificates that ended',
      async () => [await forge(), { now: new Date('2036-01-01') }],
      ['failed', 'verified', 'verified', 'skipped'],
    ],
    [
      'certificates that are not valid yet',
      async () => [await forge(), { now: new Date('2020-01-01') }],
      ['failed', 'verified', 'verified', 'skipped'],
    ],
    [
      'another size',
      async () => [await forge(), { manifest: { ...MANIFEST, size: 1 } }],
      ['failed', 'failed', 'failed', 'skipped'],
    ],
    [
      'another type',
      async () => [await forge(), { manifest: { ...MANIFEST, mediaType: 'application/vnd.oci.image.index.v1+json' } }],
      ['failed', 'failed', 'failed', 'skipped'],
    ],
  ])('with %s wrong is judged by its level', async (_, make, expected) => {
    const [signature, change] = await make();
    const outcomes: string[] = [];
    for (const level of LEVELS) {
      const trust = { ...(change.trust ?? trusting([root])), notationTrustPolicy: at(level) };
      outcomes.push((await verify(signature, { ...change, trust })).outcome);
    }
    expect(outcomes).toEqual(expected);
  });
});
