import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const FULCIO_ISSUER_TEXT = '1.3.6.1.4.1.57264.1.1';
const FULCIO_ISSUER_DER = '1.3.6.1.4.1.57264.1.8';
const UTF8_STRING = 0x0c;
/** Basic constraints, key usage, extended key usage and subject alternative name: what is checked here. */
const UNDERSTOOD: ReadonlySet<string> = new Set(['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17']);
const NAME_CONSTRAINTS = '2.5.29.30';

/** What verification needs to know of a certificate beyond its key. */
export interface CertificateDetails {
  readonly certificate: X509Certificate;
  readonly sans: readonly { readonly type: string; readonly value: string }[];
  /** OIDC issuer that Fulcio wrote into the certificate; empty when there is none. */
  readonly oidcIssuer: string;
  readonly signsCode: boolean;
  readonly stampsTime: boolean;
  readonly signsCertificates: boolean;
  readonly pathLength?: number;
  /** An extension that must be understood and is not. */
  readonly unknownCritical?: string;
}

/** Reads a certificate; undefined when it is not one. */
export function readCertificate(der: Uint8Array): CertificateDetails | undefined {
  try {
    return describe(new X509Certificate(der), new x509.X509Certificate(Uint8Array.from(der)));
  } catch {
    return undefined;
  }
}

/** The distinguished name on one line; empty for certificates that carry names elsewhere, as those of Fulcio do. */
export function subjectOf({ certificate }: Pick<CertificateDetails, 'certificate'>): string {
  const subject: string | undefined = certificate.subject;
  return subject?.replaceAll('\n', ', ') ?? '';
}

function describe(certificate: X509Certificate, parsed: x509.X509Certificate): CertificateDetails {
  // A date that cannot be read compares as neither early nor late.
  if (Number.isNaN(certificate.validFromDate.getTime() + certificate.validToDate.getTime()))
    throw new RangeError('the certificate has no readable validity');
  const usage = parsed.getExtension(x509.KeyUsagesExtension)?.usages;
  const purposes = (parsed.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? []).map(String);
  const constraints = parsed.getExtension(x509.BasicConstraintsExtension);
  const names = parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const signs = usage === undefined || (usage & x509.KeyUsageFlags.digitalSignature) !== 0;
  const unknown = parsed.extensions.find(
    ({ type, critical }) => type === NAME_CONSTRAINTS || (critical && !UNDERSTOOD.has(type)),
  );
  return {
    certificate,
    sans: names.map(({ type, value }) => ({ type, value })),
    oidcIssuer: oidcIssuerOf(parsed),
    signsCode: signs && !certificate.ca && purposes.includes(CODE_SIGNING),
    stampsTime: signs && purposes.length === 1 && purposes[0] === TIME_STAMPING,
    signsCertificates: certificate.ca && (usage === undefined || (usage & x509.KeyUsageFlags.keyCertSign) !== 0),
    ...(constraints?.pathLength === undefined ? {} : { pathLength: constraints.pathLength }),
    ...(unknown ? { unknownCritical: unknown.type } : {}),
  };
}

function oidcIssuerOf(parsed: x509.X509Certificate): string {
  const der = parsed.getExtension(FULCIO_ISSUER_DER);
  if (der) return utf8Of(Buffer.from(der.value));
  const text = parsed.getExtension(FULCIO_ISSUER_TEXT);
  return text ? Buffer.from(text.value).toString('utf8') : '';
}

function utf8Of(der: Buffer): string {
  const long = der[1] === 0x81;
  const start = long ? 3 : 2;
  const length = der[long ? 2 : 1];
  if (der[0] !== UTF8_STRING || length !== der.length - start) return '';
  return der.subarray(start).toString('utf8');
}
