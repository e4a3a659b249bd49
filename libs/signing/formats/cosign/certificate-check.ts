import type { SigstoreSigned } from '#signing/signature-requirement.js';
import type { TrustMaterial } from '../../trust-material.js';
import { type Certificate, certificatesOf, readCertificate } from '../x509/certificate.js';
import { findPath, findPathProblem, type PathProblem } from '../x509/certificate-path.js';
import { matchesPolicy, matchIdentities } from './identity.js';
import { checkKeyless } from './keyless-check.js';
import type { SignedMaterial } from './signed-material.js';
import { CODE_SIGNING, signsCode } from './signing-certificate.js';
import { failed, notApplicable, passed, type Step } from './step.js';
import type { RootView } from './trusted-root.js';

/** What the check of a certificate looks at. */
export interface CertificateInput {
  readonly material: SignedMaterial;
  readonly trust: TrustMaterial;
  readonly root: RootView;
  /** Of a containers policy; it alone counts then. */
  readonly requirement: SigstoreSigned | undefined;
  /** Proven by a log or a timestamp authority. */
  readonly times: readonly Date[];
  readonly now: Date;
}

/** The check `certificate`. */
export interface CertificateCheck {
  readonly step: Step;
  /** True when the trusted root vouches for it, which then asks for a log entry too. */
  readonly keyless?: boolean;
}

/** Most certificates that are read of one signature. */
const MAX_CERTIFICATES = 16;

/** Chains the certificate to what is trusted and compares its identity exactly; the first trust that fits decides. */
export function checkCertificate(input: CertificateInput): CertificateCheck {
  const [leaf, ...intermediates] = input.material.certificates.slice(0, MAX_CERTIFICATES).map(readCertificate);
  if (!leaf) return { step: failed('CERT_CHAIN_INVALID', 'the signing certificate cannot be read') };
  if (!signsCode(leaf)) return { step: failed('CERT_USAGE_INVALID', 'the certificate is not for code signing') };
  const carried = intermediates.filter((certificate) => certificate !== undefined);
  if (carried.length < intermediates.length)
    return {
      step: failed('CERT_CHAIN_INVALID', 'a certificate of the chain that the signature carries cannot be read'),
    };
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
  leaf: Certificate,
  carried: readonly Certificate[],
): Generator<() => CertificateCheck> {
  const { trust, root, requirement } = input;
  if (requirement) return yield () => ({ step: checkRequirement(input, requirement, leaf, carried) });
  if (trust.certificates.length > 0) yield () => ({ step: checkAnchored(input, leaf, carried) });
  if (root.certificateAuthorities.length > 0)
    yield () => ({
      step: checkKeyless(leaf, root, trust.identities ?? [], input.times),
      keyless: true,
    });
}

function checkAnchored(input: CertificateInput, leaf: Certificate, carried: readonly Certificate[]): Step {
  const anchors = certificatesOf(input.trust.certificates);
  const times = input.times.length > 0 ? input.times : [input.now];
  const problem = findProblem(leaf, carried, anchors, times);
  if (problem) return failed(problem.code, problem.detail);
  const identity = input.trust.identities?.length ? matchIdentities(leaf, input.trust.identities) : undefined;
  return identity ?? passed('chains to a trusted certificate; no identity is asked for');
}

function checkRequirement(
  input: CertificateInput,
  requirement: SigstoreSigned,
  leaf: Certificate,
  carried: readonly Certificate[],
): Step {
  const { pki, fulcio } = requirement;
  if (fulcio && input.times.length === 0)
    return failed('TIMESTAMP_MISSING', 'nothing proves when the short-lived certificate was used');
  const anchors = certificatesOf(pki?.roots ?? fulcio?.ca ?? []);
  const times = fulcio ? input.times : [input.now];
  const problem = findProblem(leaf, [...certificatesOf(pki?.intermediates ?? []), ...carried], anchors, times);
  return problem ? failed(problem.code, problem.detail) : matchesPolicy(leaf, requirement);
}

function findProblem(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  anchors: readonly Certificate[],
  times: readonly Date[],
): PathProblem | undefined {
  const path = findPath(leaf, intermediates, anchors);
  if (path) return findPathProblem(path, times, CODE_SIGNING);
  return { code: 'UNTRUSTED_ROOT', detail: 'the certificate does not chain to a trusted certificate' };
}
