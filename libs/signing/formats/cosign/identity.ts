import { X509Certificate } from 'node:crypto';
import type { SigstoreSigned } from '#signing/signature-requirement.js';
import type { TrustMaterial } from '../../trust-material.js';
import type { Certificate } from '../x509/certificate.js';
import { identitiesOf, oidcIssuerOf, subjectOf } from './signing-certificate.js';
import { failed, passed, type Step } from './step.js';

/** Compares subject and issuer of a certificate with the trusted identities, character by character. */
export function matchIdentities(leaf: Certificate, identities: NonNullable<TrustMaterial['identities']>): Step {
  const found = identities.find(
    ({ subject, issuer }) => issuer === oidcIssuerOf(leaf) && identitiesOf(leaf).includes(subject),
  );
  if (found) return passed(`identity ${found.subject} of ${found.issuer || 'a private authority'}`);
  if (identities.length === 0)
    return failed('IDENTITY_MISMATCH', `no identity is trusted; the signer is ${nameOf(leaf)}`);
  return failed('IDENTITY_MISMATCH', `the identity ${nameOf(leaf)} is not trusted`);
}

/** Compares a certificate with the identity in a `fulcio` or `pki` requirement of a containers policy. */
export function matchesPolicy(leaf: Certificate, { fulcio, pki }: SigstoreSigned): Step {
  const email = fulcio?.subjectEmail ?? pki?.subjectEmail;
  const host = pki?.subjectHostname;
  const named =
    email === undefined ||
    leaf.extensions.subjectAltNames.some(({ type, value }) => type === 'email' && value === email);
  const hosted = host === undefined || new X509Certificate(leaf.der).checkHost(host, BY_NAME_IN_FULL) !== undefined;
  const issued = fulcio === undefined || fulcio.oidcIssuer === oidcIssuerOf(leaf);
  if (issued && named && hosted) return passed(`identity ${nameOf(leaf)} as the policy asks`);
  return failed('IDENTITY_MISMATCH', `the identity ${nameOf(leaf)} is not the one in the policy`);
}

/** As clients written in Go compare host names: never the common name, and `*` for a whole label only. */
const BY_NAME_IN_FULL = { subject: 'never', partialWildcards: false } as const;

/** The names in a certificate, for people. */
export function nameOf(leaf: Certificate): string {
  const [names, issuer] = [identitiesOf(leaf).join(', ') || subjectOf(leaf), oidcIssuerOf(leaf)];
  return issuer ? `${names} of ${issuer}` : names;
}
