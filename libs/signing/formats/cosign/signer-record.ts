import { readCertificate } from '../x509/certificate.js';
import { identitiesOf, oidcIssuerOf } from './signing-certificate.js';
import type { Signer } from './signature-check.js';
import type { SignedMaterial } from './signed-material.js';

/** Who made a signature, as the report shows it. */
export function signerRecord(signer: Signer, material: SignedMaterial): Readonly<Record<string, unknown>> {
  const { algorithm, fingerprint, hint } = signer.key;
  if (signer.by === 'key') return { type: 'key', algorithm, fingerprint, keyId: hint };
  const certificate = readCertificate(material.certificates[0]!);
  if (!certificate) return { type: 'certificate', algorithm, keyFingerprint: fingerprint };
  return {
    type: 'certificate',
    algorithm,
    fingerprint: certificate.fingerprint,
    keyFingerprint: fingerprint,
    subject: certificate.subject,
    issuer: certificate.issuer,
    serialNumber: certificate.serial,
    identities: identitiesOf(certificate),
    oidcIssuer: oidcIssuerOf(certificate),
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
  };
}
