import type { CheckCode } from '../../report.js';
import { algorithmOfKey } from './algorithms.js';
import type { Certificate } from '../x509/certificate.js';
import { KEY_USAGES } from '../x509/certificate-extensions.js';

/** Why a chain may not be used. */
export interface ChainProblem {
  readonly code: CheckCode;
  readonly detail: string;
}

/** What the chain is for: signing artifacts or making timestamps. */
export type ChainPurpose = 'codeSigning' | 'timestamping';

/** Longest chain that is looked at. */
export const MAX_CHAIN = 16;

/** The extended key usage of timestamp authorities. */
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const FORBIDDEN_PURPOSES = new Map([
  ['1.3.6.1.5.5.7.3.1', 'serverAuth'],
  ['1.3.6.1.5.5.7.3.2', 'clientAuth'],
  ['1.3.6.1.5.5.7.3.4', 'emailProtection'],
  [TIME_STAMPING, 'timeStamping'],
  ['1.3.6.1.5.5.7.3.9', 'OCSPSigning'],
]);

/**
 * The first rule of the Notary Project certificate requirements that a chain breaks, leaf first. Validity is not looked
 * at: it depends on which time is trusted.
 */
export function findChainProblem(chain: readonly Certificate[], purpose: ChainPurpose): ChainProblem | undefined {
  if (chain.length === 0) return { code: 'CERT_CHAIN_INVALID', detail: 'the certificate chain is empty' };
  if (chain.length > MAX_CHAIN)
    return { code: 'CERT_CHAIN_INVALID', detail: `the chain is longer than ${MAX_CHAIN} certificates` };
  for (const [index, certificate] of chain.entries()) {
    const problem =
      findSignatureProblem(chain, index) ??
      (index === 0 ? findLeafProblem(certificate, purpose) : findCaProblem(certificate, index - 1, purpose));
    if (problem) return problem;
  }
  return undefined;
}

function findSignatureProblem(chain: readonly Certificate[], index: number): ChainProblem | undefined {
  const certificate = chain[index]!;
  if (certificate.signatureAlgorithm === 'weak') {
    return { code: 'WEAK_ALGORITHM', detail: `${named(certificate)} is signed with SHA-1, MD5 or weaker` };
  }
  if (certificate.signatureAlgorithm === 'unknown') {
    return {
      code: 'CERT_CHAIN_INVALID',
      detail: `${named(certificate)} is signed with an algorithm that is not supported`,
    };
  }
  const selfSigned = certificate.isSignedBy(certificate);
  if (index === chain.length - 1) {
    return selfSigned
      ? undefined
      : { code: 'CERT_CHAIN_INVALID', detail: `the chain ends with ${named(certificate)}, which is not self-signed` };
  }
  if (selfSigned)
    return { code: 'CERT_CHAIN_INVALID', detail: `${named(certificate)} is self-signed but not the last of the chain` };
  const issuer = chain[index + 1]!;
  if (certificate.isSignedBy(issuer)) return undefined;
  return { code: 'CERT_CHAIN_INVALID', detail: `${named(certificate)} is not issued by ${named(issuer)}` };
}

function findCaProblem(certificate: Certificate, below: number, purpose: ChainPurpose): ChainProblem | undefined {
  const { basicConstraints, keyUsage } = certificate.extensions;
  if (!basicConstraints?.ca) return usage(certificate, 'is an issuer but its basic constraints do not say CA:TRUE');
  if (basicConstraints.pathLength !== undefined && basicConstraints.pathLength < below) {
    return {
      code: 'CERT_CHAIN_INVALID',
      detail: `${named(certificate)} allows ${basicConstraints.pathLength} certificate authorities below it, the chain has ${below}`,
    };
  }
  if (!keyUsage) return usage(certificate, 'has no key usage extension');
  if (purpose === 'codeSigning' && !keyUsage.critical)
    return usage(certificate, 'has a key usage extension that is not critical');
  return keyUsage.usages.has('keyCertSign') ? undefined : usage(certificate, 'may not sign certificates (keyCertSign)');
}

function findLeafProblem(certificate: Certificate, purpose: ChainPurpose): ChainProblem | undefined {
  const { basicConstraints, keyUsage } = certificate.extensions;
  if (basicConstraints?.ca) return usage(certificate, 'is a certificate authority and may not sign artifacts itself');
  if (!keyUsage) return usage(certificate, 'has no key usage extension');
  if (purpose === 'codeSigning' && !keyUsage.critical)
    return usage(certificate, 'has a key usage extension that is not critical');
  if (!keyUsage.usages.has('digitalSignature')) return usage(certificate, 'may not sign (digitalSignature)');
  const others = KEY_USAGES.filter(
    (name) => name !== 'digitalSignature' && name !== 'contentCommitment' && keyUsage.usages.has(name),
  );
  if (others.length > 0) return usage(certificate, `has more key usages than digitalSignature: ${others.join(', ')}`);
  const problem =
    purpose === 'codeSigning' ? findPurposeProblem(certificate) : findTimestampPurposeProblem(certificate);
  if (problem) return problem;
  if (algorithmOfKey(certificate.publicKey)) return undefined;
  return {
    code: 'UNSUPPORTED_ALGORITHM',
    detail: `the key of ${named(certificate)} is not RSA 2048, 3072, 4096 or EC P-256, P-384, P-521`,
  };
}

function findPurposeProblem(certificate: Certificate): ChainProblem | undefined {
  const forbidden = certificate.extensions.extendedKeyUsage?.purposes.find((purpose) =>
    FORBIDDEN_PURPOSES.has(purpose),
  );
  return forbidden ? usage(certificate, `has the extended key usage ${FORBIDDEN_PURPOSES.get(forbidden)}`) : undefined;
}

function findTimestampPurposeProblem(certificate: Certificate): ChainProblem | undefined {
  const extended = certificate.extensions.extendedKeyUsage;
  if (extended?.purposes.length !== 1 || extended.purposes[0] !== TIME_STAMPING) {
    return usage(certificate, 'must have timeStamping as its only extended key usage');
  }
  return extended.critical ? undefined : usage(certificate, 'must have a critical extended key usage');
}

function usage(certificate: Certificate, what: string): ChainProblem {
  return { code: 'CERT_USAGE_INVALID', detail: `${named(certificate)} ${what}` };
}

function named(certificate: Certificate): string {
  return `the certificate "${certificate.subject}"`;
}

/** The first certificate that is not valid at a time, or undefined. */
export function findValidityProblem(
  chain: readonly Certificate[],
  from: Date,
  until: Date = from,
): ChainProblem | undefined {
  for (const certificate of chain) {
    if (from < certificate.notBefore) {
      return {
        code: 'CERT_NOT_YET_VALID',
        detail: `${named(certificate)} is valid from ${certificate.notBefore.toISOString()}`,
      };
    }
    if (until > certificate.notAfter) {
      return { code: 'CERT_EXPIRED', detail: `${named(certificate)} expired at ${certificate.notAfter.toISOString()}` };
    }
  }
  return undefined;
}
