import type { TrustMaterial as SigstoreTrust } from '@sigstore/verify';
import type { SigstoreSignedRequirement } from '#signing/containers-policy.js';
import type { TrustMaterial } from '../../trust-material.js';
import { readCertificate, type CertificateDetails } from './certificate-details.js';
import { findPath } from './certificate-path.js';
import { matchesPolicy, matchIdentities } from './identity.js';
import { checkKeyless } from './keyless-check.js';
import { certificatesIn } from './pem.js';
import type { PolicyView } from './policy-view.js';
import type { SignedMaterial } from './signed-material.js';
import { failed, notApplicable, passed, type Step } from './step.js';

/** What the check of a certificate looks at. */
export interface CertificateInput {
  readonly material: SignedMaterial;
  readonly trust: TrustMaterial;
  readonly root: SigstoreTrust;
  readonly policy: PolicyView;
  /** Proven by a log or a timestamp authority. */
  readonly times: readonly Date[];
  readonly now: Date;
}

/** The check `certificate`, with the requirement of the policy that the certificate meets. */
export interface CertificateCheck {
  readonly step: Step;
  readonly requirement?: SigstoreSignedRequirement;
  /** True when the trusted root vouches for it, which then asks for a log entry too. */
  readonly keyless?: boolean;
}

/** Chains the certificate to what is trusted and compares its identity exactly; the first trust that fits decides. */
export function checkCertificate(input: CertificateInput): CertificateCheck {
  const [leaf, ...intermediates] = input.material.certificates.slice(0, 16).map(readCertificate);
  if (!leaf) return { step: failed('CERT_CHAIN_INVALID', 'the signing certificate cannot be read') };
  if (!leaf.signsCode) return { step: failed('CERT_USAGE_INVALID', 'the certificate is not for code signing') };
  const carried = intermediates.filter((details) => details !== undefined);
  const attempts: CertificateCheck[] = [];
  for (const attempt of waysToTrust(input, leaf, carried)) {
    const check = attempt();
    if (check.step.result === 'pass') return check;
    attempts.push(check);
  }
  const nearest = attempts.find(({ step }) => step.result === 'fail' && step.code !== 'UNTRUSTED_ROOT') ?? attempts[0];
  return nearest ?? { step: failed('UNTRUSTED_ROOT', 'no certificate is trusted') };
}

/** The step for a signature whose key is trusted without its certificate. */
export const certificateNotNeeded: CertificateCheck = { step: notApplicable('the key is trusted by itself') };

function* waysToTrust(
  input: CertificateInput,
  leaf: CertificateDetails,
  carried: readonly CertificateDetails[],
): Generator<() => CertificateCheck> {
  const { trust, root, policy } = input;
  for (const requirement of policy.requirements)
    if (requirement.pki || requirement.fulcio)
      yield () => ({ step: checkRequirement(input, requirement, leaf, carried), requirement });
  if (trust.certificates.length > 0) yield () => ({ step: checkAnchored(input, leaf, carried) });
  if (root.certificateAuthorities.length > 0)
    yield () => ({
      step: checkKeyless(input.material, leaf, root, trust.identities ?? [], input.times),
      keyless: true,
    });
}

function checkAnchored(
  input: CertificateInput,
  leaf: CertificateDetails,
  carried: readonly CertificateDetails[],
): Step {
  const anchors = detailsOf(input.trust.certificates);
  const times = input.times.length > 0 ? input.times : [input.now];
  const result = findPath(leaf, carried, anchors, times);
  if ('code' in result) return failed(result.code, result.detail);
  const identity = input.trust.identities?.length ? matchIdentities(leaf, input.trust.identities) : undefined;
  return identity ?? passed('chains to a trusted certificate; no identity is asked for');
}

function checkRequirement(
  input: CertificateInput,
  requirement: SigstoreSignedRequirement,
  leaf: CertificateDetails,
  carried: readonly CertificateDetails[],
): Step {
  const { pki, fulcio } = requirement;
  if (fulcio && input.times.length === 0)
    return failed('TIMESTAMP_MISSING', 'nothing proves when the short-lived certificate was used');
  const anchors = detailsOf([textOf(pki?.caRootsData ?? fulcio?.caData)]);
  const intermediates = detailsOf([textOf(pki?.caIntermediatesData)]);
  const times = fulcio ? input.times : [input.now];
  const result = findPath(leaf, [...intermediates, ...carried], anchors, times);
  return 'code' in result ? failed(result.code, result.detail) : matchesPolicy(leaf, requirement);
}

function detailsOf(texts: readonly string[]): CertificateDetails[] {
  return texts
    .flatMap(certificatesIn)
    .map(readCertificate)
    .filter((details) => details !== undefined);
}

const textOf = (data: Uint8Array | undefined) => (data ? Buffer.from(data).toString('latin1') : '');
