import type { Certificate } from '../x509/certificate.js';

/** The extended key usage of certificates that sign artifacts. */
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
/** The extended key usage of certificates that stamp time. */
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const FULCIO_ISSUER_TEXT = '1.3.6.1.4.1.57264.1.1';
const FULCIO_ISSUER_DER = '1.3.6.1.4.1.57264.1.8';
const UTF8_STRING = 0x0c;

/** The readable names of a certificate's subject: what a signer goes by. */
export function identitiesOf({ extensions }: Certificate): string[] {
  return extensions.subjectAltNames.map(({ value }) => value).filter((value) => value !== '');
}

/** The distinguished name, or for certificates without one, as those of Fulcio, the other names. */
export function subjectOf(certificate: Certificate): string {
  return certificate.subject || identitiesOf(certificate).join(', ');
}

/** The OIDC issuer that Fulcio wrote into the certificate; empty when there is none, or two that differ. */
export function oidcIssuerOf({ extensions: { values } }: Certificate): string {
  const [text, der] = [values.get(FULCIO_ISSUER_TEXT), values.get(FULCIO_ISSUER_DER)];
  const issuers = [text && Buffer.from(text).toString('utf8'), der && utf8Of(Buffer.from(der))];
  const [issuer = '', other = issuer] = issuers.filter((found) => found !== undefined);
  return issuer === other ? issuer : '';
}

/** True for a leaf that may sign artifacts: no authority, and code signing is not left out. */
export function signsCode(certificate: Certificate): boolean {
  const { basicConstraints, extendedKeyUsage } = certificate.extensions;
  if (basicConstraints?.ca || !signsData(certificate)) return false;
  return !extendedKeyUsage || extendedKeyUsage.purposes.includes(CODE_SIGNING);
}

/** True for a leaf that may make timestamps and nothing else (RFC 3161, section 2.3). */
export function stampsTime(certificate: Certificate): boolean {
  const { critical, purposes } = certificate.extensions.extendedKeyUsage ?? {};
  return signsData(certificate) && critical === true && purposes?.length === 1 && purposes[0] === TIME_STAMPING;
}

function signsData({ extensions: { keyUsage } }: Certificate): boolean {
  return !keyUsage || keyUsage.usages.has('digitalSignature');
}

function utf8Of(der: Buffer): string {
  const long = der[1] === 0x81;
  const start = long ? 3 : 2;
  const length = der[long ? 2 : 1];
  if (der[0] !== UTF8_STRING || length !== der.length - start) return '';
  return der.subarray(start).toString('utf8');
}
