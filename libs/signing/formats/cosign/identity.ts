import type { SigstoreSignedRequirement } from '#signing/containers-policy.js';
import type { TrustMaterial } from '../../trust-material.js';
import { subjectOf, type CertificateDetails } from './certificate-details.js';
import { failed, passed, type Step } from './step.js';

/** Compares subject and issuer of a certificate with the trusted identities, character by character. */
export function matchIdentities(leaf: CertificateDetails, identities: NonNullable<TrustMaterial['identities']>): Step {
  const found = identities.find(
    ({ subject, issuer }) => issuer === leaf.oidcIssuer && leaf.sans.some(({ value }) => value === subject),
  );
  if (found) return passed(`identity ${found.subject} of ${found.issuer || 'a private authority'}`);
  if (identities.length === 0)
    return failed('IDENTITY_MISMATCH', `no identity is trusted; the signer is ${nameOf(leaf)}`);
  return failed('IDENTITY_MISMATCH', `the identity ${nameOf(leaf)} is not trusted`);
}

/** Compares a certificate with the identity in a `fulcio` or `pki` requirement of a containers policy. */
export function matchesPolicy(leaf: CertificateDetails, { fulcio, pki }: SigstoreSignedRequirement): Step {
  const has = (type: string, value: string | undefined) =>
    value === undefined || leaf.sans.some((san) => san.type === type && san.value === value);
  const email = fulcio?.subjectEmail ?? pki?.subjectEmail;
  const issued = fulcio === undefined || fulcio.oidcIssuer === leaf.oidcIssuer;
  if (issued && has('email', email) && has('dns', pki?.subjectHostname))
    return passed(`identity ${nameOf(leaf)} as the policy asks`);
  return failed('IDENTITY_MISMATCH', `the identity ${nameOf(leaf)} is not the one in the policy`);
}

/** The names in a certificate, for people. */
export function nameOf(leaf: CertificateDetails): string {
  const names = leaf.sans.map(({ value }) => value).join(', ') || subjectOf(leaf);
  return leaf.oidcIssuer ? `${names} of ${leaf.oidcIssuer}` : names;
}
