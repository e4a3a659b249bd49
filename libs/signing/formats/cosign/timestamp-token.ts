import { RFC3161Timestamp } from '@sigstore/core';
import * as asn1js from 'asn1js';
import type { KeyObject } from 'node:crypto';
import * as pkijs from 'pkijs';
import { type Certificate, readCertificate } from '../x509/certificate.js';

/** What an RFC 3161 response says and carries; nothing of it is verified. */
export interface TimestampToken {
  readonly time: Date;
  readonly certificates: readonly Certificate[];
  /** True for the certificate that the token names as its signer's. */
  isOf(certificate: Certificate): boolean;
  /** Throws when the key did not sign the token, or not for this data. */
  verify(data: Buffer, key: KeyObject): void;
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
/** RSA with any hash, with SHA-256, SHA-384 and SHA-512; ECDSA with the same three. */
const SIGNATURES: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.1',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
]);
const MAX_CERTIFICATES = 8;

/**
 * Reads a response by its schema, every byte of it: the library that verifies it looks at what it needs and passes over the
 * rest, where clients do not. Throws a plain `Error`.
 */
export function readTimestampToken(response: Buffer): TimestampToken {
  const block = asn1js.fromBER(Uint8Array.from(response));
  if (block.offset !== response.length || !Buffer.from(block.result.toBER()).equals(response))
    throw new Error('it is not one DER value');
  const { status, timeStampToken: content } = new pkijs.TimeStampResp({ schema: block.result });
  if (status.status !== 0 || content?.contentType !== SIGNED_DATA) throw new Error('it was not granted');
  const signed = new pkijs.SignedData({ schema: content.content });
  const [info] = signed.signerInfos;
  if (signed.encapContentInfo.eContentType !== TST_INFO || !info || signed.signerInfos.length > 1)
    throw new Error('it is not signed once');
  if (!SIGNATURES.has(info.signatureAlgorithm.algorithmId)) throw new Error('it is signed in an unknown way');
  const carried = signed.certificates ?? [];
  if (carried.length > MAX_CERTIFICATES) throw new Error(`it carries over ${MAX_CERTIFICATES} certificates`);
  const certificates = carried.map((each) => {
    const certificate = readCertificate(Buffer.from(each.toSchema().toBER()));
    if (!certificate) throw new Error('it carries a certificate that cannot be read');
    return certificate;
  });
  const isOf = (certificate: Certificate) => isSigner(certificate, info);
  if (certificates.length > 0 && !certificates.some(isOf)) throw new Error('it carries certificates of others only');
  const timestamp = new Timestamp(RFC3161Timestamp.parse(Buffer.from(response)).root);
  return {
    time: timestamp.signingTime,
    certificates,
    isOf,
    verify: (data, key) => timestamp.verify(data, key),
  };
}

/** The library knows what ECDSA goes with; RSA goes with the hash of what is signed. */
class Timestamp extends RFC3161Timestamp {
  override get signatureAlgorithm(): string {
    return super.signatureAlgorithm || this.signerDigestAlgorithm;
  }
}

/** By the bytes of both names: the library compares the texts in them and no more. */
function isSigner({ rawIssuer, serial }: Certificate, { sid }: pkijs.SignerInfo): boolean {
  if (!(sid instanceof pkijs.IssuerAndSerialNumber)) return false;
  const [name, number] = [sid.issuer.valueBeforeDecode, sid.serialNumber.valueBlock.valueHexView];
  return Buffer.from(name).toString('hex') === rawIssuer && Buffer.from(number).toString('hex') === serial;
}
