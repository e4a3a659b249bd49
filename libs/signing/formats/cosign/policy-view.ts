import { messageOf } from '#platform/domain-error.js';
import {
  parseContainersPolicy,
  requirementsFor,
  type ContainersPolicy,
  type SigstoreSignedRequirement,
} from '#signing/containers-policy.js';
import type { TrustMaterial } from '../../trust-material.js';

/** What a containers policy demands of cosign signatures under one reference. */
export interface PolicyView {
  readonly requirements: readonly SigstoreSignedRequirement[];
  /** Why the policy lets nothing pass. */
  readonly refusal?: string;
}

const parsed = new WeakMap<object, ContainersPolicy>();

/** The `sigstoreSigned` requirements for the reference; none when there is no policy or no reference. */
export function viewPolicy(trust: TrustMaterial, reference: string | undefined): PolicyView {
  if (trust.containersPolicy === undefined || reference === undefined) return { requirements: [] };
  try {
    const requirements = requirementsFor(read(trust.containersPolicy), reference);
    if (requirements.some(({ type }) => type === 'reject'))
      return { requirements: [], refusal: `the policy rejects everything under ${reference}` };
    if (requirements.some(({ type }) => type === 'signedBaseLayer'))
      return { requirements: [], refusal: 'the policy asks for signedBaseLayer, which nothing can satisfy' };
    return { requirements: requirements.filter((requirement) => requirement.type === 'sigstoreSigned') };
  } catch (error) {
    return { requirements: [], refusal: `the policy cannot be applied: ${messageOf(error)}` };
  }
}

function read(document: unknown): ContainersPolicy {
  if (typeof document !== 'object' || document === null) return parseContainersPolicy(document);
  const known = parsed.get(document) ?? parseContainersPolicy(document);
  parsed.set(document, known);
  return known;
}
