import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { isDomainError } from '#platform/domain-error.js';
import { matchIdentity, type SignedIdentity } from '../containers-policy.js';
import type { StoredManifest } from '../formats/signature-format.js';
import { readTrust } from './read-trust.js';
import { verifyManifest } from './verify-manifest.js';

const FOLDER = join(process.cwd(), 'test/fixtures/vectors/openpgp');
const document = <T>(name: string) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as T;

/** `accepted`: by containers/image. `ours`: our code where we say something else; the README says why. */
interface Case {
  readonly name: string;
  readonly accepted: boolean;
  readonly ours?: string;
}
interface Flips {
  readonly name: string;
  readonly key: string;
  readonly signature: string;
  readonly group: number;
  readonly cuts: number;
  readonly tried: number;
  /** `<offset> <mask>` of changed bytes and `cut <length>`. */
  readonly accepted: readonly string[];
  readonly differs: readonly string[];
}
interface Messages {
  readonly at: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly groups: readonly {
    readonly manifest: string;
    readonly reference: string;
    readonly cases: readonly (Case & { readonly key: string; readonly signature: string })[];
  }[];
  readonly flips: readonly Flips[];
}
interface Policies {
  readonly key: string;
  readonly manifest: string;
  readonly reference: string;
  readonly signature: string;
  readonly payloads: readonly (Case & { readonly signature: string })[];
  readonly policies: readonly (Case & { readonly policy: string; readonly reference?: string })[];
}
interface References {
  readonly identities: readonly (SignedIdentity | null)[];
  readonly images: readonly string[];
  /** `<identity> <image>` by place. */
  readonly references: readonly { readonly name: string; readonly accepted: readonly string[] }[];
}

const messages = document<Messages>('messages.json');
const policies = document<Policies>('policies.json');
const references = document<References>('references.json');

const stored = (text: string): StoredManifest => {
  const bytes = Buffer.from(text);
  return { mediaType: MediaType.ociManifest, digest: digestOf(bytes), size: bytes.length, bytes };
};
const signedBy = (keyData: string) => JSON.stringify({ default: [{ type: 'signedBy', keyType: 'GPGKeys', keyData }] });

/** What we say: `accepted`, or the codes of what failed. */
async function judge(signature: Uint8Array, policy: string, manifest: StoredManifest, reference: string, at: string) {
  const given = { format: 'simple' as const, bytes: signature, digest: digestOf(signature) };
  try {
    const trust = readTrust({ containers_policy: policy });
    const { verified, outcome, signatures } = await verifyManifest(manifest, [given], reference, trust, new Date(at));
    if (verified || outcome === 'skipped') return { accepted: true, codes: ['verified'] };
    const codes = signatures.flatMap(({ checks }) =>
      checks.flatMap(({ result, code }) => (result === 'fail' ? code! : [])),
    );
    return { accepted: false, codes };
  } catch (error) {
    if (!isDomainError(error) || error.kind !== 'invalid') throw error;
    return { accepted: false, codes: ['INVALID_POLICY'] };
  }
}

async function expectVerdict(each: Case, said: Awaited<ReturnType<typeof judge>>): Promise<void> {
  expect(said.accepted).toBe(each.ours === undefined ? each.accepted : !each.accepted);
  if (each.ours !== undefined) expect(said.codes).toContain(each.ours);
}

describe.each(messages.groups)(
  'messages of gpg, and such as gpg would not make, as containers/image judges them',
  (group) => {
    const manifest = stored(group.manifest);

    it.each(group.cases)('$name', async (each) => {
      const policy = signedBy(messages.keys[each.key]!);
      const said = await judge(Buffer.from(each.signature, 'base64'), policy, manifest, group.reference, messages.at);
      await expectVerdict(each, said);
    });
  },
);

describe('one changed byte, and every length', () => {
  it.each(messages.flips)('of a signature: $name', async (flips) => {
    const { manifest, reference } = messages.groups[flips.group]!;
    const [policy, signature] = [signedBy(messages.keys[flips.key]!), Buffer.from(flips.signature, 'base64')];
    const accepts = async (bytes: Uint8Array) =>
      (await judge(bytes, policy, stored(manifest), reference, messages.at)).accepted;
    expect(await accepts(signature)).toBe(true);
    const accepted: string[] = [];
    let tried = 0;
    for (let at = 0; at < signature.length; at += 1) {
      for (const mask of [1, 0x80]) {
        const bytes = Uint8Array.from(signature);
        bytes[at]! ^= mask;
        if (await accepts(bytes)) accepted.push(`${at} ${mask}`);
        tried += 1;
      }
      if (at % flips.cuts !== 0) continue;
      if (await accepts(signature.subarray(0, at))) accepted.push(`cut ${at}`);
      tried += 1;
    }
    expect(tried).toBe(flips.tried);
    expect(accepted.sort()).toEqual(flips.accepted.filter((each) => !flips.differs.includes(each)).sort());
  });
});

describe('payloads and policies as containers/image reads them', () => {
  const manifest = stored(policies.manifest);
  const signature = Buffer.from(policies.signature, 'base64');

  it.each(policies.payloads)('payload: $name', async (each) => {
    const bytes = Buffer.from(each.signature, 'base64');
    const said = await judge(bytes, signedBy(policies.key), manifest, policies.reference, messages.at);
    await expectVerdict(each, said);
  });

  it.each(policies.policies)('policy: $name', async (each) => {
    const policy = each.policy.replaceAll('@KEY@', policies.key);
    const said = await judge(signature, policy, manifest, each.reference ?? policies.reference, messages.at);
    await expectVerdict(each, said);
  });

  it.each(references.references)('an image signed for "$name"', ({ name, accepted }) => {
    const found: string[] = [];
    for (const [rule, identity] of references.identities.entries())
      for (const [place, image] of references.images.entries())
        if (matchIdentity(identity ?? undefined, image, name).ok) found.push(`${rule} ${place}`);
    expect(found.sort()).toEqual([...accepted].sort());
  });

  it('a signature of a listed image is none of the index, nor the other way round', async () => {
    const child = stored(policies.manifest);
    const index = stored(
      JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [{ digest: child.digest }] }),
    );
    const said = await judge(signature, signedBy(policies.key), index, policies.reference, messages.at);
    expect(said).toEqual({ accepted: false, codes: ['DIGEST_MISMATCH'] });
  });
});
