import { ALGORITHMS } from './algorithms.js';
import type { Certificate } from '../x509/certificate.js';
import type { Envelope } from './envelope.js';
import type { TargetArtifact } from './payload.js';

/** The certificates of a signature as a report shows them, leaf first. */
export function describeSigner(chain: readonly Certificate[]): Record<string, unknown> {
  return {
    certificates: chain.map(({ fingerprint, subject, issuer, notBefore, notAfter }) => ({
      sha256Fingerprint: fingerprint,
      issuedTo: subject,
      issuedBy: issuer,
      notBefore: rfc3339(notBefore),
      notAfter: rfc3339(notAfter),
    })),
    thumbprints: chain.map(({ fingerprint }) => fingerprint),
    subject: chain[0]?.subject,
    issuer: chain[0]?.issuer,
  };
}

/** What an envelope and its payload say of themselves. */
export function describeClaims(envelope: Envelope, target: TargetArtifact | undefined): Record<string, unknown> {
  return {
    ...(target ? { manifestDigest: target.digest, mediaType: target.mediaType, size: target.size } : {}),
    signingScheme: envelope.signingScheme,
    signingTime: rfc3339(envelope.signingTime),
    ...(envelope.expiry ? { expiry: rfc3339(envelope.expiry) } : {}),
    ...(envelope.signingAgent ? { signingAgent: envelope.signingAgent } : {}),
    signatureAlgorithm: ALGORITHMS[envelope.algorithm].title,
    userDefinedAttributes: target?.annotations ?? {},
  };
}

/** RFC 3339 in UTC with seconds, as notation writes times. */
export function rfc3339(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
