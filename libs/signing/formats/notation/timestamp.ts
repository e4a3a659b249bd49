import { createHash, timingSafeEqual } from 'node:crypto';
import * as asn1js from 'asn1js';
import { Certificate as Asn1Certificate, ContentInfo, SignedData, TSTInfo, type SignerInfo } from 'pkijs';
import { messageOf } from '#platform/domain-error.js';
import { parseCertificate, type Certificate } from '../x509/certificate.js';
import { findChainProblem, findValidityProblem, MAX_CHAIN } from './certificate-rules.js';

/** A time that a timestamp authority vouches for, with the range that its accuracy leaves open. */
export interface Timestamp {
  readonly time: Date;
  readonly from: Date;
  readonly until: Date;
  /** Signing certificate first, root last. */
  readonly chain: readonly Certificate[];
}

/** A token that was read but not verified. */
export interface TimestampToken {
  readonly signed: SignedData;
  readonly info: TSTInfo;
  /** The timestamp as it is encoded: pkijs reads whole seconds of four bytes and more as zero. */
  readonly encodedInfo: asn1js.AsnType;
  readonly certificates: readonly Certificate[];
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';
/** ETSI baseline policy: an unstated accuracy is one second (ETSI EN 319 421). */
const BASELINE_POLICY = '0.4.0.2023.1.1';
/** Keeps dates in range; a thousand years are outside of every certificate. */
const MAX_ACCURACY_MS = 1000 * 365 * 86_400_000;
const HASHES = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** Reads an RFC 3161 token; throws a plain `Error` when it is malformed. */
export function readToken(token: Uint8Array): TimestampToken {
  const content = new ContentInfo({ schema: readBer(token) });
  if (content.contentType !== SIGNED_DATA) throw new Error('the token is not CMS SignedData');
  const signed = new SignedData({ schema: content.content });
  const { eContentType, eContent } = signed.encapContentInfo;
  if (eContentType !== TST_INFO || !eContent) throw new Error('the token holds no timestamp');
  const encodedInfo = readBer(new Uint8Array(eContent.getValue()));
  const info = new TSTInfo({ schema: readBer(new Uint8Array(eContent.getValue())) });
  if (info.version !== 1) throw new Error('the timestamp has an unknown version');
  const certificates = (signed.certificates ?? [])
    .filter((certificate): certificate is Asn1Certificate => certificate instanceof Asn1Certificate)
    .map((certificate) => parseCertificate(new Uint8Array(certificate.toSchema().toBER())));
  return { signed, info, encodedInfo, certificates };
}

function readBer(bytes: Uint8Array): asn1js.AsnType {
  const block = asn1js.fromBER(Uint8Array.from(bytes));
  if (block.offset !== bytes.length) throw new Error('the token is not one DER value');
  return block.result;
}

/** True when the token was made for these bytes. */
export function isTokenFor({ info }: TimestampToken, stamped: Uint8Array): boolean {
  const hash = HASHES.get(info.messageImprint.hashAlgorithm.algorithmId);
  const expected = info.messageImprint.hashedMessage.valueBlock.valueHexView;
  if (!hash) return false;
  const actual = createHash(hash).update(stamped).digest();
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

/** The time of a token and the bounds that its accuracy leaves. */
export function timeOfToken({ info, encodedInfo }: TimestampToken): Pick<Timestamp, 'time' | 'from' | 'until'> {
  const { millis = 0, micros = 0 } = info.accuracy ?? {};
  const stated = secondsOf(encodedInfo) * 1000 + millis + Math.ceil(micros / 1000);
  const accuracy = stated === 0 && info.policy === BASELINE_POLICY ? 1000 : stated;
  const at = info.genTime.getTime();
  const range = Math.min(accuracy, MAX_ACCURACY_MS);
  return { time: info.genTime, from: new Date(at - range), until: new Date(at + range) };
}

function secondsOf(encodedInfo: asn1js.AsnType): number {
  const parts = encodedInfo instanceof asn1js.Sequence ? encodedInfo.valueBlock.value : [];
  const accuracy = parts.slice(5).find((part) => part instanceof asn1js.Sequence);
  const seconds = firstOf(accuracy);
  return seconds instanceof asn1js.Integer ? Math.abs(Number(seconds.toBigInt())) : 0;
}

/**
 * Verifies a countersignature: imprint, CMS signature, signing certificate attribute, chain to a trusted authority, chain
 * rules and validity at the stamped time. Throws a plain `Error` with the reason.
 */
export async function verifyTimestamp(
  token: Uint8Array,
  stamped: Uint8Array,
  trusted: readonly Certificate[],
): Promise<Timestamp> {
  const read = readToken(token);
  if (!isTokenFor(read, stamped)) throw new Error('the token was made for other bytes');
  const [signer, ...others] = read.signed.signerInfos;
  if (!signer || others.length > 0) throw new Error('the token must have exactly one signer');
  const certificate = await verifySigner(read, signer, stamped);
  checkSigningCertificate(signer, certificate);
  const chain = buildChain(certificate, [...read.certificates, ...trusted]);
  const anchors = new Set(trusted.map(({ fingerprint }) => fingerprint));
  if (!chain.some(({ fingerprint }) => anchors.has(fingerprint)))
    throw new Error('no trusted timestamp authority is in the chain of the token');
  const bounds = timeOfToken(read);
  const problem = findChainProblem(chain, 'timestamping') ?? findValidityProblem(chain, bounds.time);
  if (problem) throw new Error(problem.detail);
  return { ...bounds, chain };
}

async function verifySigner({ signed }: TimestampToken, signer: SignerInfo, stamped: Uint8Array): Promise<Certificate> {
  if (!HASHES.has(signer.digestAlgorithm.algorithmId)) throw new Error('the token uses a hash that is not accepted');
  const contentType = attributeOf(signer, CONTENT_TYPE);
  if (!(contentType instanceof asn1js.ObjectIdentifier) || contentType.valueBlock.toString() !== TST_INFO) {
    throw new Error('the signed attributes of the token do not name a timestamp');
  }
  const result = await signed
    .verify({ signer: 0, data: Uint8Array.from(stamped).buffer, extendedMode: true })
    .catch((error: unknown) => {
      throw new Error(`the signature of the token cannot be verified: ${messageOf(error)}`);
    });
  if (result.signatureVerified !== true || !result.signerCertificate)
    throw new Error('the signature of the token is wrong');
  return parseCertificate(new Uint8Array(result.signerCertificate.toSchema().toBER()));
}

/** The signed attribute that binds the token to one certificate (RFC 5816). */
function checkSigningCertificate(signer: SignerInfo, certificate: Certificate): void {
  const first = firstOf(firstOf(attributeOf(signer, SIGNING_CERTIFICATE_V2)));
  const parts = first instanceof asn1js.Sequence ? first.valueBlock.value : [];
  const algorithm = parts[0] instanceof asn1js.Sequence ? firstOf(parts[0]) : undefined;
  const hash = algorithm instanceof asn1js.ObjectIdentifier ? HASHES.get(algorithm.valueBlock.toString()) : 'sha256';
  const value = parts.find((part) => part instanceof asn1js.OctetString);
  if (!hash || !(value instanceof asn1js.OctetString))
    throw new Error('the token does not name its signing certificate');
  const actual = createHash(hash).update(certificate.der).digest();
  if (!actual.equals(value.valueBlock.valueHexView)) throw new Error('the token names another signing certificate');
}

function attributeOf(signer: SignerInfo, oid: string): asn1js.AsnType | undefined {
  const found = (signer.signedAttrs?.attributes ?? []).filter((attribute) => attribute.type === oid);
  return found.length === 1 && found[0]!.values.length === 1 ? (found[0]!.values[0] as asn1js.AsnType) : undefined;
}

function firstOf(block: asn1js.AsnType | undefined): asn1js.AsnType | undefined {
  return block instanceof asn1js.Sequence ? block.valueBlock.value[0] : undefined;
}

function buildChain(leaf: Certificate, candidates: readonly Certificate[]): Certificate[] {
  const chain = [leaf];
  for (let last = leaf; chain.length < MAX_CHAIN && !last.isSignedBy(last);) {
    const issuer = candidates.find((candidate) => !chain.includes(candidate) && last.isSignedBy(candidate));
    if (!issuer) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}
