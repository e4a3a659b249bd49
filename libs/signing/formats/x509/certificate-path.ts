import type { CheckCode } from '../../report.js';
import type { Certificate } from './certificate.js';
import { NAME_CONSTRAINTS } from './certificate-extensions.js';
import { findForbiddenName, isUnderstood } from './name-constraints.js';

/** Why a path may not be used. */
export interface PathProblem {
  readonly code: CheckCode;
  readonly detail: string;
}

const MAX_DEPTH = 8;
const MAX_STEPS = 200;
const ANY_PURPOSE = '2.5.29.37.0';
/** Basic constraints, key usage, extended key usage, subject alternative name, and name constraints: what is checked here. */
const UNDERSTOOD: ReadonlySet<string> = new Set(['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17', NAME_CONSTRAINTS]);

/** Certificates, leaf first. */
type Path = readonly Certificate[];

/**
 * Certificates from a leaf to one of the anchors, both included: the first such path that fits; undefined when there is none.
 * Intermediates are untrusted.
 */
export function findPath(
  leaf: Certificate,
  intermediates: Path,
  anchors: Path,
  fits: (path: Path) => boolean = () => true,
) {
  return search([leaf], { intermediates, anchors, fits, steps: MAX_STEPS });
}

interface Search {
  readonly intermediates: Path;
  readonly anchors: Path;
  readonly fits: (path: Path) => boolean;
  /** Steps that are left. */
  steps: number;
}

function search(path: Path, sought: Search): Path | undefined {
  const last = path.at(-1)!;
  if (sought.anchors.some(({ fingerprint }) => fingerprint === last.fingerprint))
    return sought.fits(path) ? path : undefined;
  if (path.length >= MAX_DEPTH) return undefined;
  for (const issuer of [...sought.anchors, ...sought.intermediates]) {
    if ((sought.steps -= 1) < 0) return undefined;
    if (path.some(({ fingerprint }) => fingerprint === issuer.fingerprint)) continue;
    if (!signsCertificates(issuer) || !last.isSignedBy(issuer)) continue;
    const found = search([...path, issuer], sought);
    if (found) return found;
  }
  return undefined;
}

function signsCertificates({ extensions: { basicConstraints, keyUsage } }: Certificate): boolean {
  return basicConstraints?.ca === true && (!keyUsage || keyUsage.usages.has('keyCertSign'));
}

/** The first thing that is wrong with a path at any of the times, leaf first; `purpose` is an extended key usage. */
export function findPathProblem(
  path: readonly Certificate[],
  times: readonly Date[],
  purpose?: string,
): PathProblem | undefined {
  for (const [depth, certificate] of path.entries()) {
    const problem =
      findExtensionProblem(certificate, path[0]!, depth, purpose) ?? findValidityProblem([certificate], times);
    if (problem) return problem;
  }
  return undefined;
}

function findExtensionProblem(
  certificate: Certificate,
  leaf: Certificate,
  depth: number,
  purpose: string | undefined,
): PathProblem | undefined {
  const { critical, basicConstraints, extendedKeyUsage, nameConstraints } = certificate.extensions;
  const [name, code] = [named(certificate), 'CERT_CHAIN_INVALID' as const];
  const unknown = [...critical].find((oid) => !UNDERSTOOD.has(oid));
  if (unknown !== undefined) return { code, detail: `${name} has the extension ${unknown}, which is not understood` };
  if ((basicConstraints?.pathLength ?? depth) < depth - 1)
    return { code, detail: `${name} allows fewer intermediates than there are` };
  const purposes = extendedKeyUsage?.purposes;
  if (purpose !== undefined && purposes && !purposes.includes(purpose) && !purposes.includes(ANY_PURPOSE))
    return { code: 'CERT_USAGE_INVALID', detail: `${name} is not for this use` };
  if (!nameConstraints || depth === 0) return undefined;
  if (critical.has(NAME_CONSTRAINTS) && !isUnderstood(nameConstraints))
    return { code, detail: `${name} limits names of a kind that is not compared` };
  const forbidden = findForbiddenName(leaf.extensions.subjectAltNames, nameConstraints);
  return forbidden === undefined ? undefined : { code, detail: `${name} may not certify the name "${forbidden}"` };
}

/** The first certificate that is not valid at all of the times. */
export function findValidityProblem(
  certificates: readonly Certificate[],
  times: readonly Date[],
): PathProblem | undefined {
  for (const certificate of certificates) {
    const { notBefore, notAfter } = certificate;
    if (times.some((time) => time > notAfter))
      return { code: 'CERT_EXPIRED', detail: `${named(certificate)} ended ${notAfter.toISOString()}` };
    if (times.some((time) => time < notBefore))
      return { code: 'CERT_NOT_YET_VALID', detail: `${named(certificate)} starts ${notBefore.toISOString()}` };
  }
  return undefined;
}

function named({ subject }: Certificate): string {
  return subject === '' ? 'the certificate' : `the certificate "${subject}"`;
}
