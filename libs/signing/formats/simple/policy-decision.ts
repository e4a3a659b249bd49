import {
  type ContainersPolicy,
  matchIdentity,
  parseContainersPolicy,
  type PolicyRequirement,
  requirementsFor,
} from '../../containers-policy.js';
import type { CheckList } from '../../report.js';
import type { VerifyContext } from '../signature-format.js';
import { fingerprintOf, type KeyRing, readKeyRing, type SigningKey } from './key-ring.js';
import type { SimplePayload } from './simple-payload.js';

/** What the context's policy asks of this image; `requirements` is absent without a policy. */
export interface PolicyDecision {
  readonly requirements?: readonly PolicyRequirement[];
  /** The keys of the context and of the policy's `signedBy` requirements. */
  readonly ring: KeyRing;
}

/** Chooses the requirements for the context's reference and reads all keys; throws when the policy itself is invalid. */
export async function openPolicy(context: VerifyContext): Promise<PolicyDecision> {
  const { containersPolicy, openpgpKeys } = context.trust;
  if (containersPolicy === undefined) return { ring: await readKeyRing(openpgpKeys) };
  const requirements = choose(parseContainersPolicy(containersPolicy), context.reference);
  const keys = requirements.flatMap((each) => (each.type === 'signedBy' ? [each.keyData] : []));
  return { requirements, ring: await readKeyRing([...openpgpKeys, ...keys]) };
}

/** The check `reference`: by the policy's identities, or by the default rule when there is no policy. */
export function checkReference(
  checks: CheckList,
  decision: PolicyDecision,
  payload: SimplePayload,
  reference: string | undefined,
): void {
  const signedBy = decision.requirements?.filter((each) => each.type === 'signedBy');
  if (!signedBy && reference === undefined) return checks.skip('reference', 'no reference was given to compare with');
  if (signedBy?.length === 0) return checks.skip('reference', 'the policy asks for no identity');
  const identities = signedBy ? signedBy.map((each) => each.signedIdentity) : [undefined];
  const results = identities.map((identity) => matchIdentity(identity, reference ?? '', payload.reference));
  const refused = results.find((result) => !result.ok);
  if (refused) checks.fail('reference', 'REFERENCE_MISMATCH', refused.detail);
  else checks.pass('reference', results.map((result) => result.detail).join('; '));
}

/** The check `policy`: every requirement must accept the key. Nothing is noted without a policy. */
export async function checkPolicy(
  checks: CheckList,
  decision: PolicyDecision,
  key: SigningKey | undefined,
): Promise<void> {
  if (!decision.requirements) return;
  for (const requirement of decision.requirements) {
    const refusal = await refusalOf(requirement, key);
    if (refusal !== undefined) return void checks.fail('policy', 'NO_APPLICABLE_POLICY', refusal);
  }
  checks.pass('policy', decision.requirements.map((each) => each.type).join(', '));
}

async function refusalOf(requirement: PolicyRequirement, key: SigningKey | undefined): Promise<string | undefined> {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
      return undefined;
    case 'reject':
      return 'the policy rejects this image, signed or not';
    case 'signedBy': {
      if (!key) return 'the policy asks for a signature of a key that it names';
      const { keys } = await readKeyRing([requirement.keyData]);
      return keys.has(fingerprintOf(key.certificate))
        ? undefined
        : 'the key is not among those that the policy names for this image';
    }
    case 'sigstoreSigned':
    case 'signedBaseLayer':
      return `the policy asks for ${requirement.type}, which an OpenPGP signature cannot fulfil`;
  }
}

function choose(policy: ContainersPolicy, reference: string | undefined): readonly PolicyRequirement[] {
  return reference === undefined ? policy.default : requirementsFor(policy, reference);
}
