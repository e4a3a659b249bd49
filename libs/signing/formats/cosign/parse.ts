import { readCertificate } from '../x509/certificate.js';
import type { ParsedSignature } from '../signature-format.js';
import { subjectOf } from './signing-certificate.js';
import { readSimplePayload } from './simple-payload.js';
import { kindOf, readMaterial, type SignedMaterial } from './signed-material.js';
import { claimedDigest, statementOf } from './statement.js';

/** What a signature says of itself; `scheme` is given when the artifact around it is known. */
export function parseCosign(bytes: Uint8Array, scheme?: ParsedSignature['scheme']): ParsedSignature {
  const material = readMaterial(bytes);
  return {
    scheme: scheme ?? material.scheme,
    kind: kindOf(material),
    ...namesOf(material),
    ...claimsOf(material),
  };
}

function claimsOf(material: SignedMaterial): Omit<ParsedSignature, 'scheme' | 'kind'> {
  const evidence = { logged: material.hasLogEntries, timestamped: material.hasTimestamps };
  if (material.content === 'unsigned') return { claims: evidence };
  if (material.content === 'simple-signing') {
    const { manifestDigest, reference, creator, timestamp, optional } = readSimplePayload(material.payload);
    return {
      manifestDigest,
      reference,
      ...(creator === undefined ? {} : { creator }),
      ...(timestamp === undefined ? {} : { timestamp }),
      claims: { ...evidence, annotations: optional },
    };
  }
  const statement = statementOf(material);
  const manifestDigest = claimedDigest(statement);
  return {
    ...(manifestDigest === undefined ? {} : { manifestDigest }),
    predicateType: statement.predicateType,
    claims: { ...evidence, subjects: statement.subjects.length, annotations: statement.subjects[0]?.annotations ?? {} },
  };
}

function namesOf(material: SignedMaterial): Partial<ParsedSignature> {
  const [leaf] = material.certificates;
  const keyId = material.hints[0];
  return { ...(keyId === undefined ? {} : { keyId }), ...(leaf ? certificateNames(leaf) : {}) };
}

function certificateNames(der: Buffer): Partial<ParsedSignature> {
  const certificate = readCertificate(der);
  if (!certificate) return {};
  const { issuer, fingerprint } = certificate;
  return { certificateSubject: subjectOf(certificate), certificateIssuer: issuer, fingerprint };
}
