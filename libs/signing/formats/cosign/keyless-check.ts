import type { TrustMaterial } from '../../trust-material.js';
import type { Certificate } from '../x509/certificate.js';
import { findPath, findPathProblem } from '../x509/certificate-path.js';
import { isInTransparencyLog } from './certificate-transparency.js';
import { matchIdentities } from './identity.js';
import { CODE_SIGNING } from './signing-certificate.js';
import { failed, type Step } from './step.js';
import type { RootView } from './trusted-root.js';

/** Checks a short-lived certificate against a sigstore trusted root at times that were proven before. */
export function checkKeyless(
  leaf: Certificate,
  { certificateAuthorities, certificateLogs }: RootView,
  identities: NonNullable<TrustMaterial['identities']>,
  times: readonly Date[],
): Step {
  if (times.length === 0)
    return failed('TIMESTAMP_MISSING', 'nothing proves when the short-lived certificate was used');
  let problem = failed('UNTRUSTED_ROOT', 'the certificate does not chain to an authority of the trusted root');
  for (const { anchor, chain, validFor } of certificateAuthorities) {
    if (times.some((time) => time < validFor.start || time > validFor.end)) continue;
    const path = findPath(leaf, chain, [anchor]);
    if (!path) continue;
    const wrong = findPathProblem(path, times, CODE_SIGNING);
    if (!wrong) return logged(leaf, path, certificateLogs) ?? matchIdentities(leaf, identities);
    problem = failed(wrong.code, wrong.detail);
  }
  return problem;
}

/** Why the certificate does not count as logged; a trusted root without CT logs asks for no log. */
function logged(leaf: Certificate, [, issuer]: readonly Certificate[], logs: RootView['certificateLogs']) {
  if (logs.length === 0) return undefined;
  try {
    if (issuer && isInTransparencyLog(leaf, issuer, logs)) return undefined;
    return failed('SCT_MISSING', 'the certificate is not in a trusted CT log');
  } catch {
    return failed('SCT_MISSING', 'what the CT logs promised of the certificate cannot be read');
  }
}
