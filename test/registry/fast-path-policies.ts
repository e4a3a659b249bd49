import fc from 'fast-check';
import { BlobBytes } from '#content/bytes/blob-bytes.js';
import { announce } from '#platform/change-feed.js';
import { newId } from '#platform/identifiers.js';
import { FileStore } from '#storage/file-store.js';
import { manifests, NAMES } from './fast-path-asks.js';
import { keyPair, sign } from './guarded.js';
import type { World } from './fast-path-world.js';

const POLICIES = ['enforce', 'audit', 'stranger'] as const;
const [key, stranger] = [keyPair(), keyPair()];
const trustIn = ({ publicKey }: { publicKey: string }) => ({ cosign_keys: [publicKey] });

/** What happens around trust policies: one is put on a path or taken away, is changed, or somebody signs what it asks for. */
export type PolicyOperation =
  | { readonly do: 'policy'; readonly name: string; readonly which: (typeof POLICIES)[number] | null }
  | { readonly do: 'rekey'; readonly trusted: boolean }
  | { readonly do: 'sign'; readonly name: string; readonly which: number };

const name = fc.constantFrom(...NAMES.slice(0, 3));

/** Operations in the proportion in which they are wanted. */
export const policyOperations: { readonly weight: number; readonly arbitrary: fc.Arbitrary<PolicyOperation> }[] = [
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('policy'), name, which: fc.constantFrom('enforce', ...POLICIES, null) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rekey'), trusted: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sign'), name, which: fc.nat(manifests.length - 1) }) },
];

/** The policies of a world. */
export interface Policies {
  perform(operation: PolicyOperation): Promise<void>;
  /** No path has one, and each trusts the key that it trusted at first. */
  reset(): Promise<void>;
}

/** Makes the policies that operations speak of. */
export async function makePolicies(world: World): Promise<Policies> {
  const ids = new Map<string, string>();
  for (const each of POLICIES) {
    ids.set(each, newId());
    const values = [
      ids.get(each),
      each,
      trustIn(each === 'stranger' ? stranger : key),
      each === 'audit' ? each : 'enforce',
    ];
    await world.source.query(
      'insert into trust_policy (id, name, trust, mode, required) values ($1, $2, $3, $4, 1)',
      values,
    );
  }
  const store = new BlobBytes(new FileStore(world.config.dataDir, false), world.source);
  const signer = { source: world.source, store, host: 'registry.test' };

  const put = (path: string, policy: string | null) =>
    world.source.transaction(async (tx) => {
      await tx.query('update distribution set trust_policy_id = $2 where base_path = $1', [path, policy]);
      await announce(tx, 'distributions', path);
    });
  const rekey = (trusted: boolean) =>
    world.source.transaction(async (tx) => {
      const id = ids.get('enforce')!;
      await tx.query('update trust_policy set trust = $2 where id = $1', [id, trustIn(trusted ? key : stranger)]);
      await announce(tx, 'distributions', id);
    });

  return {
    async perform(operation) {
      if (operation.do === 'policy') await put(operation.name, operation.which && ids.get(operation.which)!);
      else if (operation.do === 'rekey') await rekey(operation.trusted);
      // What is not in the repository cannot be signed there.
      else await sign(signer, operation.name, manifests[operation.which]!, key).catch(() => undefined);
      await world.settle();
    },
    async reset() {
      for (const path of NAMES.slice(0, 3)) await put(path, null);
      await rekey(true);
    },
  };
}
