import { constants, createHash, verify, type KeyObject } from 'node:crypto';
import * as asn1js from 'asn1js';
import { IssuerAndSerialNumber, type SignerInfo } from 'pkijs';
import type { Certificate } from '../x509/certificate.js';
import { childrenOf, HASHES, TST_INFO, type TimestampToken } from './timestamp-token.js';

/** Who signed a token, once its signature is verified. */
export interface TokenSigner {
  readonly certificate: Certificate;
  /** The time that the signer put among the signed attributes, if any. */
  readonly signingTime?: Date;
}

const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const SIGNING_TIME = '1.2.840.113549.1.9.5';
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';
/** Of a signer that is named by issuer and serial number (RFC 5652, section 5.3). */
const SIGNER_VERSION = 1;
const DIRECTORY_NAME = 4;

/** How a token may be signed; without a hash, the one of the signer's digest algorithm. */
const ALGORITHMS: ReadonlyMap<string, { readonly key: 'rsa' | 'ec'; readonly hash?: string; readonly pss?: true }> =
  new Map([
    ['1.2.840.113549.1.1.1', { key: 'rsa' }],
    ['1.2.840.113549.1.1.10', { key: 'rsa', pss: true }],
    ['1.2.840.113549.1.1.11', { key: 'rsa', hash: 'sha256' }],
    ['1.2.840.113549.1.1.12', { key: 'rsa', hash: 'sha384' }],
    ['1.2.840.113549.1.1.13', { key: 'rsa', hash: 'sha512' }],
    ['1.2.840.10045.4.3.2', { key: 'ec', hash: 'sha256' }],
    ['1.2.840.10045.4.3.3', { key: 'ec', hash: 'sha384' }],
    ['1.2.840.10045.4.3.4', { key: 'ec', hash: 'sha512' }],
  ]);

/**
 * Verifies one signature of a token: signed attributes, the certificate that they name, the signature over them. Whether that
 * certificate is trusted is left to the caller. Throws a plain `Error` with the reason.
 */
export function verifySigner(token: TimestampToken, signer: SignerInfo): TokenSigner {
  if (signer.version !== SIGNER_VERSION) throw new Error('the signer of the token has an unknown version');
  const hash = HASHES.get(signer.digestAlgorithm.algorithmId);
  if (!hash) throw new Error('the token uses a hash that is not accepted');
  const contentType = attributeOf(signer, CONTENT_TYPE);
  if (!(contentType instanceof asn1js.ObjectIdentifier) || contentType.valueBlock.toString() !== TST_INFO)
    throw new Error('the signed attributes of the token do not name a timestamp');
  const digest = attributeOf(signer, MESSAGE_DIGEST);
  if (!isDigestOf(digest, hash, token.encodedInfo))
    throw new Error('the signed attributes of the token are for another timestamp');
  const certificate = findCertificate(token, signer);
  if (!isSignedBy(signer, hash, certificate.publicKey)) throw new Error('the signature of the token is wrong');
  const signingTime = signingTimeOf(signer);
  return { certificate, ...(signingTime ? { signingTime } : {}) };
}

/** The certificate that the signed attributes name by hash, and by issuer and serial number (RFC 5816). */
function findCertificate({ certificates }: TimestampToken, signer: SignerInfo): Certificate {
  const [named] = childrenOf(childrenOf(attributeOf(signer, SIGNING_CERTIFICATE_V2))[0]);
  const parts = childrenOf(named);
  const at = parts.findIndex((part) => part instanceof asn1js.OctetString);
  const digest = parts[at];
  if (!digest || at > 1) throw new Error('the token does not name its signing certificate');
  const [algorithm] = at === 1 ? childrenOf(parts[0]) : [];
  const hash = algorithm instanceof asn1js.ObjectIdentifier ? HASHES.get(algorithm.valueBlock.toString()) : 'sha256';
  const { issuer, serial } = parts[at + 1] ? nameOf(parts[at + 1]) : idOf(signer);
  const certificate = certificates.find((each) => each.rawIssuer === issuer && each.serial === serial);
  if (!certificate) throw new Error('the signing certificate is not in the token');
  if (hash && isDigestOf(digest, hash, certificate.der)) return certificate;
  throw new Error('the token names another signing certificate');
}

function nameOf(block: asn1js.AsnType | undefined) {
  const [names, serial] = childrenOf(block);
  const [name] = childrenOf(names);
  const issuer = name instanceof asn1js.Constructed && name.idBlock.tagNumber === DIRECTORY_NAME ? name : undefined;
  if (!issuer || !(serial instanceof asn1js.Integer))
    throw new Error('the token names its signing certificate wrongly');
  return {
    issuer: Buffer.from(issuer.valueBlock.value[0]?.valueBeforeDecodeView ?? []).toString('hex'),
    serial: Buffer.from(serial.valueBlock.valueHexView).toString('hex'),
  };
}

function idOf({ sid }: SignerInfo) {
  if (!(sid instanceof IssuerAndSerialNumber)) throw new Error('the signer of the token is not named by its issuer');
  return {
    issuer: Buffer.from(sid.issuer.valueBeforeDecode).toString('hex'),
    serial: Buffer.from(sid.serialNumber.valueBlock.valueHexView).toString('hex'),
  };
}

function isSignedBy(signer: SignerInfo, digestHash: string, key: KeyObject): boolean {
  const algorithm = ALGORITHMS.get(signer.signatureAlgorithm.algorithmId);
  if (!algorithm || algorithm.key !== key.asymmetricKeyType) return false;
  const padding = algorithm.pss ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const options = algorithm.key === 'rsa' ? { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : { key };
  try {
    const signature = signer.signature.valueBlock.valueHexView;
    return verify(algorithm.hash ?? digestHash, signedAttributesOf(signer), options, signature);
  } catch {
    return false;
  }
}

/** The attributes as they are signed: a set in the order of its encoding, whatever order they came in (RFC 5652, section 5.4). */
function signedAttributesOf({ signedAttrs }: SignerInfo): Uint8Array {
  const encoded = Buffer.from(signedAttrs!.encodedValue);
  const attributes = asn1js.fromBER(Uint8Array.from(encoded)).result as asn1js.Set;
  const members = attributes.valueBlock.value.map(({ valueBeforeDecodeView }) => Buffer.from(valueBeforeDecodeView));
  const header = encoded.length - members.reduce((length, member) => length + member.length, 0);
  return Buffer.concat([encoded.subarray(0, header), ...members.sort(Buffer.compare)]);
}

function signingTimeOf(signer: SignerInfo): Date | undefined {
  if (!signer.signedAttrs?.attributes.some(({ type }) => type === SIGNING_TIME)) return undefined;
  const time = attributeOf(signer, SIGNING_TIME);
  if (time instanceof asn1js.UTCTime || time instanceof asn1js.GeneralizedTime) return time.toDate();
  throw new Error('the signing time of the token is malformed');
}

/** The value of a signed attribute that is there once, with one value. */
function attributeOf({ signedAttrs }: SignerInfo, oid: string): asn1js.AsnType | undefined {
  const found = (signedAttrs?.attributes ?? []).filter(({ type }) => type === oid);
  return found.length === 1 && found[0]!.values.length === 1 ? (found[0]!.values[0] as asn1js.AsnType) : undefined;
}

function isDigestOf(digest: asn1js.AsnType | undefined, hash: string, bytes: Uint8Array): boolean {
  if (!(digest instanceof asn1js.OctetString)) return false;
  return createHash(hash).update(bytes).digest().equals(digest.valueBlock.valueHexView);
}
