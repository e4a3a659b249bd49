import { createHash, sign } from 'node:crypto';
import * as asn1js from 'asn1js';
import type { Issued } from './certificate-fixture.js';

/** Parts of a token that a spec may change before they are signed, and those that no signature covers. */
export interface TokenChanges {
  /** Version, policy, imprint, serial number and time of the timestamp; more may follow. */
  readonly info?: (parts: asn1js.AsnType[]) => void;
  /** Content type, digest and certificate; more may follow. */
  readonly attributes?: (attributes: asn1js.AsnType[]) => void;
  /** Version, signer, digest algorithm, attributes, signature algorithm and signature. */
  readonly signer?: (parts: asn1js.AsnType[]) => void;
  /** Version, digest algorithms, content, certificates and signers. */
  readonly token?: (parts: asn1js.AsnType[]) => void;
  readonly time?: Date;
  readonly certificates?: readonly Issued[];
}

const SHA256 = '2.16.840.1.101.3.4.2.1';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';

/** An RFC 3161 token over bytes, in base64, rightly signed by an authority with an elliptic key. */
export function forgeToken(stamped: Uint8Array, authority: Issued, changes: TokenChanges = {}): string {
  const info = [
    number(1),
    oid('1.2.3.4'),
    sequence(sequence(oid(SHA256)), octets(sha256(stamped))),
    number(7),
    new asn1js.GeneralizedTime({ valueDate: changes.time ?? new Date('2026-06-01T11:30:00Z') }),
  ];
  changes.info?.(info);
  const content = bytesOf(sequence(...info));
  const der = new Uint8Array(authority.certificate.rawData);
  const certificate = sequence(sequence(sequence(octets(sha256(der)))));
  const attributes = [
    attribute('1.2.840.113549.1.9.3', oid(TST_INFO)),
    attribute('1.2.840.113549.1.9.4', octets(sha256(content))),
    attribute('1.2.840.113549.1.9.16.2.47', certificate),
  ];
  changes.attributes?.(attributes);
  attributes.sort((one, other) => Buffer.compare(bytesOf(one), bytesOf(other)));
  const signed = bytesOf(new asn1js.Set({ value: attributes }));
  const parts = (read(der) as asn1js.Sequence).valueBlock.value[0] as asn1js.Sequence;
  const [, serial, , issuer] = parts.valueBlock.value;
  const signer: asn1js.AsnType[] = [
    number(1),
    sequence(issuer!, serial!),
    sequence(oid(SHA256)),
    tagged(0, attributes),
    sequence(oid('1.2.840.10045.4.3.2')),
    octets(sign('sha256', signed, authority.privateKey)),
  ];
  changes.signer?.(signer);
  const carried = (changes.certificates ?? [authority]).map((each) => read(new Uint8Array(each.certificate.rawData)));
  const token = [
    number(3),
    new asn1js.Set({ value: [sequence(oid(SHA256))] }),
    sequence(oid(TST_INFO), tagged(0, [octets(content)])),
    tagged(0, carried),
    new asn1js.Set({ value: [sequence(...signer)] }),
  ];
  changes.token?.(token);
  return bytesOf(sequence(oid('1.2.840.113549.1.7.2'), tagged(0, [sequence(...token)]))).toString('base64');
}

/** A signed attribute with one value. */
export function attribute(type: string, ...values: asn1js.AsnType[]): asn1js.Sequence {
  return sequence(oid(type), new asn1js.Set({ value: values }));
}

/** A sequence of values. */
export function sequence(...value: asn1js.AsnType[]): asn1js.Sequence {
  return new asn1js.Sequence({ value });
}

/** An integer. */
export function number(value: number): asn1js.Integer {
  return asn1js.Integer.fromBigInt(BigInt(value));
}

/** An octet string. */
export function octets(bytes: Uint8Array): asn1js.OctetString {
  return new asn1js.OctetString({ valueHex: Uint8Array.from(bytes).buffer });
}

function tagged(tagNumber: number, value: asn1js.AsnType[]): asn1js.Constructed {
  return new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber }, value });
}

function oid(value: string): asn1js.ObjectIdentifier {
  return new asn1js.ObjectIdentifier({ value });
}

function read(der: Uint8Array): asn1js.AsnType {
  return asn1js.fromBER(Uint8Array.from(der)).result;
}

function bytesOf(value: asn1js.AsnType): Buffer {
  return Buffer.from(value.toBER());
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
