import type { CheckCode } from '../../report.js';
import { subjectOf, type CertificateDetails } from './certificate-details.js';

/** A path from leaf to anchor, or why there is none. */
export type PathResult =
  { readonly path: readonly CertificateDetails[] } | { readonly code: CheckCode; readonly detail: string };

const MAX_DEPTH = 8;
const MAX_STEPS = 200;

/** Finds the path from a leaf to one of the anchors and checks it at every given time. Intermediates are untrusted. */
export function findPath(
  leaf: CertificateDetails,
  intermediates: readonly CertificateDetails[],
  anchors: readonly CertificateDetails[],
  times: readonly Date[],
): PathResult {
  const budget = { steps: MAX_STEPS };
  const path = search([leaf], intermediates, anchors, budget);
  if (!path) return { code: 'UNTRUSTED_ROOT', detail: 'the certificate does not chain to a trusted certificate' };
  return checkPath(path, times) ?? { path };
}

function search(
  path: readonly CertificateDetails[],
  intermediates: readonly CertificateDetails[],
  anchors: readonly CertificateDetails[],
  budget: { steps: number },
): readonly CertificateDetails[] | undefined {
  const last = path.at(-1)!;
  if (anchors.some((anchor) => isSame(anchor, last))) return path;
  if (path.length >= MAX_DEPTH) return undefined;
  for (const issuer of [...anchors, ...intermediates]) {
    if ((budget.steps -= 1) < 0) return undefined;
    if (path.some((passed) => isSame(passed, issuer)) || !issued(issuer, last)) continue;
    const found = search([...path, issuer], intermediates, anchors, budget);
    if (found) return found;
  }
  return undefined;
}

function issued(issuer: CertificateDetails, child: CertificateDetails): boolean {
  if (!issuer.signsCertificates) return false;
  try {
    return child.certificate.checkIssued(issuer.certificate) && child.certificate.verify(issuer.certificate.publicKey);
  } catch {
    return false;
  }
}

function checkPath(
  path: readonly CertificateDetails[],
  times: readonly Date[],
): { code: CheckCode; detail: string } | undefined {
  for (const [depth, details] of path.entries()) {
    const { certificate, pathLength, unknownCritical } = details;
    const name = subjectOf(details) || 'the certificate';
    if (unknownCritical !== undefined)
      return {
        code: 'CERT_CHAIN_INVALID',
        detail: `${name} has the extension ${unknownCritical}, which is not understood`,
      };
    if (pathLength !== undefined && pathLength < depth - 1)
      return { code: 'CERT_CHAIN_INVALID', detail: `${name} allows fewer intermediates than there are` };
    for (const time of times) {
      if (time > certificate.validToDate)
        return { code: 'CERT_EXPIRED', detail: `${name} ended ${certificate.validToDate.toISOString()}` };
      if (time < certificate.validFromDate)
        return { code: 'CERT_NOT_YET_VALID', detail: `${name} starts ${certificate.validFromDate.toISOString()}` };
    }
  }
  return undefined;
}

function isSame(a: CertificateDetails, b: CertificateDetails): boolean {
  return a.certificate.fingerprint256 === b.certificate.fingerprint256;
}
