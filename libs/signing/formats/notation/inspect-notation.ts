import { digestOf } from '#oci/digest.js';
import { messageOf } from '#platform/domain-error.js';
import { ALGORITHMS } from './algorithms.js';
import type { Certificate } from '../x509/certificate.js';
import { readSigningChain } from './certificate-chain.js';
import type { Envelope } from './envelope.js';
import { parsePayload } from './payload.js';
import { readEnvelope } from './read-envelope.js';
import { rfc3339 } from './signer-report.js';
import { isTokenFor, readToken, timeOfToken } from './timestamp-token.js';

/** One entry of the list `Signatures` that `notation inspect -o json` prints (release 1). */
export interface NotationInspection {
  readonly mediaType: string;
  readonly digest: string;
  readonly signatureAlgorithm: string;
  readonly signedAttributes: Readonly<Record<string, string>>;
  readonly userDefinedAttributes: Readonly<Record<string, string>> | null;
  readonly unsignedAttributes: Readonly<Record<string, unknown>>;
  readonly certificates: readonly Readonly<Record<string, string>>[];
  readonly signedArtifact: { readonly mediaType: string; readonly digest: string; readonly size: number };
}

/**
 * Shows one envelope, verifying nothing. `digest` is the one of the signature manifest; without it, of the envelope.
 * Throws a `DomainError` when the envelope or its payload is malformed.
 */
export function inspectNotation(bytes: Uint8Array, digest: string = digestOf(bytes)): NotationInspection {
  const envelope = readEnvelope(bytes);
  const { certificates } = readSigningChain(envelope.certificates);
  const target = parsePayload(envelope.payload);
  return {
    mediaType: envelope.mediaType,
    digest,
    signatureAlgorithm: ALGORITHMS[envelope.algorithm].title,
    signedAttributes: {
      signingScheme: envelope.signingScheme,
      signingTime: rfc3339(envelope.signingTime),
      ...(envelope.expiry ? { expiry: rfc3339(envelope.expiry) } : {}),
      ...Object.fromEntries([...envelope.extended].map(([name, { value }]) => [name, textOf(value)])),
    },
    userDefinedAttributes: Object.keys(target.annotations).length > 0 ? target.annotations : null,
    unsignedAttributes: {
      ...(envelope.signingAgent ? { signingAgent: envelope.signingAgent } : {}),
      ...(envelope.timestampSignature
        ? { timestampSignature: inspectTimestamp(envelope, envelope.timestampSignature) }
        : {}),
    },
    certificates: certificates.map(inspectCertificate),
    signedArtifact: { mediaType: target.mediaType, digest: target.digest, size: target.size },
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function inspectCertificate({ fingerprint, subject, issuer, notAfter }: Certificate): Record<string, string> {
  return { SHA256Fingerprint: fingerprint, issuedTo: subject, issuedBy: issuer, expiry: rfc3339(notAfter) };
}

function inspectTimestamp(envelope: Envelope, bytes: Uint8Array): Record<string, unknown> {
  try {
    const token = readToken(bytes);
    if (!isTokenFor(token, envelope.signature)) throw new Error('mismatched message');
    const { from, until } = timeOfToken(token);
    return {
      timestamp: `[${rfc3339(from)}, ${rfc3339(until)}]`,
      certificates: token.certificates.map(inspectCertificate),
    };
  } catch (error) {
    return { error: `failed to parse timestamp countersignature: ${messageOf(error)}` };
  }
}
