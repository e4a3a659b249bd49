import { readCertificate, subjectOf } from './certificate-details.js';
import type { Signer } from './signature-check.js';
import type { SignedMaterial } from './signed-material.js';

/** Who made a signature, as the report shows it. */
export function signerRecord(signer: Signer, material: SignedMaterial): Readonly<Record<string, unknown>> {
  const { algorithm, fingerprint, hint } = signer.key;
  if (signer.by === 'key') return { type: 'key', algorithm, fingerprint, keyId: hint };
  const details = readCertificate(material.certificates[0]!);
  if (!details) return { type: 'certificate', algorithm, keyFingerprint: fingerprint };
  const { certificate, sans, oidcIssuer } = details;
  return {
    type: 'certificate',
    algorithm,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    keyFingerprint: fingerprint,
    subject: subjectOf(details),
    issuer: certificate.issuer,
    serialNumber: certificate.serialNumber,
    identities: sans.map(({ value }) => value),
    oidcIssuer,
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
  };
}
