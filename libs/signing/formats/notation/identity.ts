import { messageOf } from '#platform/domain-error.js';
import type { Certificate } from '../x509/certificate.js';
import { isNameSubset, parseDistinguishedName } from './parse-distinguished-name.js';

const PREFIX = 'x509.subject:';

/** Undefined when the leaf's subject is one of the trusted identities, else why not. */
export function findIdentityProblem(leaf: Certificate, identities: readonly string[]): string | undefined {
  if (identities.includes('*')) return undefined;
  const wanted = identities.filter((identity) => identity.startsWith(PREFIX));
  if (wanted.length === 0) return 'the trust policy names no x509.subject identity';
  try {
    const subject = parseDistinguishedName(leaf.subject);
    const matches = wanted.some((identity) =>
      isNameSubset(parseDistinguishedName(identity.slice(PREFIX.length)), subject),
    );
    return matches ? undefined : `the subject "${leaf.subject}" is not one of the trusted identities`;
  } catch (error) {
    return `the subject "${leaf.subject}" cannot be compared: ${messageOf(error)}`;
  }
}
