import { createHash, timingSafeEqual } from 'node:crypto';
import * as asn1js from 'asn1js';
import { Certificate as Asn1Certificate, ContentInfo, SignedData, TSTInfo, type SignerInfo } from 'pkijs';
import { parseCertificate, type Certificate } from '../x509/certificate.js';
import { readDer } from '../x509/strict-der.js';

/** A token that was read but not verified. */
export interface TimestampToken {
  readonly info: TSTInfo;
  /** The timestamp as it is encoded: what is signed, and pkijs reads whole seconds of four bytes and more as zero. */
  readonly encodedInfo: Uint8Array;
  readonly signers: readonly SignerInfo[];
  readonly certificates: readonly Certificate[];
}

/** The content type of a timestamp (RFC 3161, section 2.4.2). */
export const TST_INFO = '1.2.840.113549.1.9.16.1.4';
/** Hashes that tokens may be made with: object identifier → name. */
export const HASHES: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);
const SIGNED_DATA = '1.2.840.113549.1.7.2';
/** Of SignedData with a content that is not plain data (RFC 5652, section 5.1). */
const SIGNED_DATA_VERSION = 3;
/** ETSI baseline policy: an unstated accuracy is one second (ETSI EN 319 421). */
const BASELINE_POLICY = '0.4.0.2023.1.1';
/** Keeps dates in range; a thousand years are outside of every certificate. */
const MAX_ACCURACY_MS = 1000 * 365 * 86_400_000;

/** Reads an RFC 3161 token; throws a plain `Error` when it is malformed. */
export function readToken(token: Uint8Array): TimestampToken {
  const content = new ContentInfo({ schema: readDer(token, 'the token') });
  if (content.contentType !== SIGNED_DATA) throw new Error('the token is not CMS SignedData');
  const { version, encapContentInfo, certificates, signerInfos } = new SignedData({ schema: content.content });
  if (version !== SIGNED_DATA_VERSION) throw new Error('the token has an unknown version');
  if (encapContentInfo.eContentType !== TST_INFO || !encapContentInfo.eContent)
    throw new Error('the token holds no timestamp');
  const encodedInfo = new Uint8Array(encapContentInfo.eContent.getValue());
  const info = new TSTInfo({ schema: readDer(encodedInfo, 'the timestamp') });
  if (info.version !== 1) throw new Error('the timestamp has an unknown version');
  return { info, encodedInfo, signers: signerInfos, certificates: (certificates ?? []).map(certificateOf) };
}

function certificateOf(carried: unknown): Certificate {
  if (!(carried instanceof Asn1Certificate)) throw new Error('the token holds something that is no X.509 certificate');
  return parseCertificate(new Uint8Array(carried.toSchema().toBER()));
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
export function timeOfToken({ info, encodedInfo }: TimestampToken): Record<'time' | 'from' | 'until', Date> {
  const { millis = 0, micros = 0 } = info.accuracy ?? {};
  const stated = secondsOf(encodedInfo) * 1000 + millis + Math.ceil(micros / 1000);
  const accuracy = stated === 0 && info.policy === BASELINE_POLICY ? 1000 : stated;
  const at = info.genTime.getTime();
  const range = Math.min(accuracy, MAX_ACCURACY_MS);
  return { time: info.genTime, from: new Date(at - range), until: new Date(at + range) };
}

function secondsOf(encodedInfo: Uint8Array): number {
  const parts = childrenOf(readDer(encodedInfo, 'the timestamp'));
  const accuracy = parts.slice(5).find((part) => part instanceof asn1js.Sequence);
  const [seconds] = childrenOf(accuracy);
  return seconds instanceof asn1js.Integer ? Math.abs(Number(seconds.toBigInt())) : 0;
}

/** What a sequence holds; nothing when the value is none. */
export function childrenOf(block: asn1js.AsnType | undefined): readonly asn1js.AsnType[] {
  return block instanceof asn1js.Sequence ? block.valueBlock.value : [];
}
