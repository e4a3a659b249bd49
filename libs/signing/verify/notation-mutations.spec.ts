import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatOf } from '../formats/all.js';
import type { StoredManifest } from '../formats/signature-format.js';
import { readTrust } from './read-trust.js';

interface Mutations {
  readonly at: string;
  readonly reference: string;
  readonly target: Omit<StoredManifest, 'bytes'>;
  readonly contexts: Readonly<Record<string, { policy: object; stores: object }>>;
  readonly cases: readonly {
    readonly of: string;
    readonly change: string;
    readonly context: string;
    readonly mediaType: string;
    readonly signature: string;
    readonly crls?: readonly string[];
    readonly accepted: boolean;
    /** We refuse what notation takes: it can be read in two ways, or a specification forbids it. */
    readonly stricter?: true;
  }[];
}

const path = join(process.cwd(), 'test/fixtures/vectors/notation-go/mutations.json');
const { at, reference, target, contexts, cases } = JSON.parse(readFileSync(path, 'utf8')) as Mutations;

describe('verdicts on changed signatures, certificates, timestamps and revocation lists are those of notation', () => {
  const verdictOf = async ({ context, signature, crls = [] }: Mutations['cases'][number]) => {
    const { policy, stores } = contexts[context]!;
    const { outcome } = await formatOf('notation').verify(Buffer.from(signature, 'base64'), {
      manifest: { ...target, bytes: new Uint8Array() },
      reference,
      trust: readTrust({ notation_trust_policy: policy, trust_stores: stores, crls }),
      now: new Date(at),
    });
    return outcome === 'verified' || outcome === 'skipped';
  };

  it.each(cases.filter(({ stricter }) => !stricter))('$of: $change → $accepted', async (given) => {
    // Lists that cannot be read are an error of who hands them in.
    const accepted = await verdictOf(given).catch(() => false);
    expect(accepted).toBe(given.accepted);
  });

  it.each(cases.filter(({ stricter }) => stricter))(
    '$of: $change is refused, though notation takes it',
    async (given) => {
      expect(given.accepted).toBe(true);
      expect(await verdictOf(given).catch(() => false)).toBe(false);
    },
  );
});
