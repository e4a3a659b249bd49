import { createHash, X509Certificate, type KeyObject } from 'node:crypto';
import * as asn1js from 'asn1js';
import { LRUCache } from 'lru-cache';
import { Certificate as Asn1Certificate } from 'pkijs';
import { invalid } from '#platform/domain-error.js';
import { readExtensions, type CertificateExtensions } from './certificate-extensions.js';
import { formatName, readName, type NameAttribute } from './distinguished-name.js';
import { certificatesIn } from './pem.js';
import { readDer } from './strict-der.js';

/** A certificate as the rules need it, read once from its DER. */
export interface Certificate {
  readonly der: Uint8Array;
  readonly pem: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly publicKey: KeyObject;
  readonly subject: string;
  readonly issuer: string;
  /** Names as they are encoded, for comparison byte by byte. */
  readonly rawSubject: string;
  readonly rawIssuer: string;
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly extensions: CertificateExtensions;
  /** For pkijs, which verifies revocation lists and timestamps. */
  readonly asn1: Asn1Certificate;
  isSignedBy(issuer: Certificate): boolean;
  /** True when the certificate is of this private key. */
  isOf(privateKey: KeyObject): boolean;
}

/** How a certificate is signed, as far as the rules care. */
export type SignatureAlgorithm = 'accepted' | 'weak' | 'unknown';

const ACCEPTED_SIGNATURES = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
]);
const WEAK_SIGNATURES = new Set([
  '1.2.840.113549.1.1.2',
  '1.2.840.113549.1.1.4',
  '1.2.840.113549.1.1.5',
  '1.2.840.10045.4.1',
  '1.2.840.10040.4.3',
  '1.3.14.3.2.29',
]);
const RSA_PSS = '1.2.840.113549.1.1.10';
const PSS_HASHES = new Set(['2.16.840.1.101.3.4.2.1', '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3']);

const parsed = new LRUCache<string, Certificate>({ max: 2048 });

/** Reads one DER certificate; throws a plain `Error` that says what is wrong with it. */
export function parseCertificate(der: Uint8Array): Certificate {
  const fingerprint = createHash('sha256').update(der).digest('hex');
  const known = parsed.get(fingerprint);
  if (known) return known;
  const certificate = build(Uint8Array.from(der), fingerprint);
  parsed.set(fingerprint, certificate);
  return certificate;
}

/** Reads a certificate; undefined when it is not one. */
export function readCertificate(der: Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(der);
  } catch {
    return undefined;
  }
}

/** The certificates in PEM texts, several in one text allowed; those that cannot be read are left out. */
export function certificatesOf(texts: readonly string[]): Certificate[] {
  return texts.flatMap(certificatesIn).flatMap((der) => readCertificate(der) ?? []);
}

function build(der: Uint8Array<ArrayBuffer>, fingerprint: string): Certificate {
  const asn1 = new Asn1Certificate({ schema: readDer(der, 'the certificate') });
  checkForm(asn1);
  const x509 = new X509Certificate(der);
  const rawSubject = hex(asn1.subject.valueBeforeDecode);
  const rawIssuer = hex(asn1.issuer.valueBeforeDecode);
  const certificate: Certificate = {
    der,
    pem: x509.toString(),
    fingerprint,
    publicKey: x509.publicKey,
    subject: formatName(attributesOf(asn1.subject.valueBeforeDecode)),
    issuer: formatName(attributesOf(asn1.issuer.valueBeforeDecode)),
    rawSubject,
    rawIssuer,
    serial: hex(asn1.serialNumber.valueBlock.valueHexView),
    notBefore: asn1.notBefore.value,
    notAfter: asn1.notAfter.value,
    signatureAlgorithm: signatureAlgorithmOf(asn1),
    extensions: readExtensions(asn1),
    asn1,
    // Comparing public keys of two kinds leaves an error behind that OpenSSL reports to the next caller.
    isOf: (privateKey) => x509.checkPrivateKey(privateKey),
    isSignedBy: (issuer) => rawIssuer === issuer.rawSubject && isVerifiedBy(x509, issuer.publicKey),
  };
  return certificate;
}

/** What the version allows, and the forms that RFC 5280 (sections 4.1.2.2 and 4.1.2.5) demands of serial number and validity. */
function checkForm({ version, extensions, serialNumber, notBefore, notAfter }: Asn1Certificate): void {
  if (version > 2 || (extensions && version !== 2)) throw new Error('the certificate has a version that does not fit');
  if (serialNumber.valueBlock.valueHexView[0]! >= 0x80) throw new Error('the certificate has a negative serial number');
  for (const { value } of [notBefore, notAfter])
    if (Number.isNaN(value.getTime()) || value.getMilliseconds() !== 0)
      throw new Error('the certificate has a malformed validity');
}

function isVerifiedBy(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.verify(key);
  } catch {
    return false;
  }
}

function signatureAlgorithmOf(asn1: Asn1Certificate): SignatureAlgorithm {
  const oid = asn1.signatureAlgorithm.algorithmId;
  if (ACCEPTED_SIGNATURES.has(oid)) return 'accepted';
  if (WEAK_SIGNATURES.has(oid)) return 'weak';
  if (oid !== RSA_PSS) return 'unknown';
  return PSS_HASHES.has(pssHashOf(asn1.signatureAlgorithm.algorithmParams) ?? '') ? 'accepted' : 'weak';
}

/** The hash of RSASSA-PSS-params; its default is SHA-1, so an absent one is weak. */
function pssHashOf(parameters: unknown): string | undefined {
  if (!(parameters instanceof asn1js.Sequence)) return undefined;
  const tagged = parameters.valueBlock.value.find((part) => part.idBlock.tagNumber === 0);
  const hash = tagged instanceof asn1js.Constructed ? tagged.valueBlock.value[0] : undefined;
  const oid = hash instanceof asn1js.Sequence ? hash.valueBlock.value[0] : undefined;
  return oid instanceof asn1js.ObjectIdentifier ? oid.valueBlock.toString() : undefined;
}

function attributesOf(name: ArrayBuffer): readonly NameAttribute[] {
  return readName(new Uint8Array(name));
}

function hex(bytes: ArrayBuffer | Uint8Array): string {
  return Buffer.from(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)).toString('hex');
}

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----/g;

/** All certificates in PEM texts, in order; throws a `DomainError` naming `field` when a text holds none or a broken one. */
export function readPemCertificates(texts: readonly string[], field: string): Certificate[] {
  return texts.flatMap((text) => {
    const blocks = [...text.matchAll(PEM)];
    if (blocks.length === 0) throw invalid('Give certificates in PEM form (-----BEGIN CERTIFICATE-----).', field);
    return blocks.map((block) => {
      try {
        return parseCertificate(Buffer.from(block[1]!, 'base64'));
      } catch (cause) {
        throw invalid(
          `A certificate cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
          field,
        );
      }
    });
  });
}
