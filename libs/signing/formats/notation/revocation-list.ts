import * as asn1js from 'asn1js';
import { LRUCache } from 'lru-cache';
import { CertificateRevocationList, type Extension } from 'pkijs';
import { invalid } from '#platform/domain-error.js';
import type { Certificate } from '../x509/certificate.js';
import { readDer } from '../x509/strict-der.js';

/** What a list says of one certificate (RFC 5280, section 5.3). */
export interface RevocationEntry {
  readonly reason?: number;
  readonly date: Date;
  /** Before this time the certificate was good. */
  readonly invalidSince?: Date;
  /** Something critical about it is not understood. */
  readonly isObscure: boolean;
}

/** A revocation list that was handed in, read once. */
export interface RevocationList {
  /** Name of its issuer as it is encoded, in hex. */
  readonly issuer: string;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
  readonly number?: bigint;
  /** Number of the list that it changes, when it is a delta. */
  readonly base?: bigint;
  readonly scope?: RevocationScope;
  /** Serial number in hex → what it says of that certificate. */
  readonly entries: ReadonlyMap<string, readonly RevocationEntry[]>;
  /** False when something about it is not understood. */
  readonly isUsable: boolean;
  isSignedBy(issuer: Certificate): Promise<boolean>;
}

/** For which certificates a list speaks (RFC 5280, section 5.2.5). */
export interface RevocationScope {
  /** Where it is published; one of them must be in the certificate. */
  readonly urls: readonly string[];
  readonly only?: 'leaves' | 'authorities';
}

const ACCEPTED = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.113549.1.1.10',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
]);
const VERSION_2 = 1;
const NUMBER = '2.5.29.20';
const REASON = '2.5.29.21';
const INVALIDITY_DATE = '2.5.29.24';
const DELTA = '2.5.29.27';
const SCOPE = '2.5.29.28';
const URI = 6;
const lists = new LRUCache<string, readonly RevocationList[]>({ max: 64 });

const PEM = /-----BEGIN (?:X509 )?CRL-----([A-Za-z0-9+/=\s]+?)-----END (?:X509 )?CRL-----/g;

/** Reads the lists in a text: PEM, several allowed, or base64 of one. Throws a `DomainError` when one cannot be read. */
export function readRevocationLists(text: string): readonly RevocationList[] {
  const known = lists.get(text);
  if (known) return known;
  const blocks = [...text.matchAll(PEM)].map((match) => match[1]!);
  const read = (blocks.length > 0 ? blocks : [text]).map((block) => {
    try {
      return readList(Buffer.from(block, 'base64'));
    } catch {
      throw invalid('Give revocation lists as PEM (-----BEGIN X509 CRL-----) or base64 DER.', 'crls');
    }
  });
  lists.set(text, read);
  return read;
}

function readList(der: Uint8Array): RevocationList {
  const list = new CertificateRevocationList({ schema: readDer(der, 'the list') });
  const extensions = new Map((list.crlExtensions?.extensions ?? []).map((each) => [each.extnID, each]));
  const scope = scopeOf(extensions.get(SCOPE));
  const obscure = [...extensions].some(([oid, { critical }]) => critical && oid !== DELTA && oid !== SCOPE);
  const signedBy = new Map<string, Promise<boolean>>();
  return {
    issuer: hex(new Uint8Array(list.issuer.valueBeforeDecode)),
    thisUpdate: list.thisUpdate.value,
    ...(list.nextUpdate ? { nextUpdate: list.nextUpdate.value } : {}),
    ...numbers(extensions),
    ...(scope === undefined || scope === 'obscure' ? {} : { scope }),
    entries: entriesOf(list),
    isUsable:
      list.version === VERSION_2 &&
      !obscure &&
      scope !== 'obscure' &&
      list.signature.algorithmId === list.signatureAlgorithm.algorithmId &&
      ACCEPTED.has(list.signatureAlgorithm.algorithmId),
    isSignedBy(issuer) {
      const { keyUsage } = issuer.extensions;
      if (keyUsage && !keyUsage.usages.has('cRLSign')) return Promise.resolve(false);
      const known = signedBy.get(issuer.fingerprint);
      const answer = known ?? list.verify({ issuerCertificate: issuer.asn1 }).catch(() => false);
      if (!known) signedBy.set(issuer.fingerprint, answer);
      return answer;
    },
  };
}

function numbers(extensions: ReadonlyMap<string, Extension>): Pick<RevocationList, 'number' | 'base'> {
  const [number, base] = [NUMBER, DELTA].map((oid) => {
    const extension = extensions.get(oid);
    const value = extension ? valueOf(extension) : undefined;
    if (extension && !(value instanceof asn1js.Integer)) throw new Error('a number of the list is malformed');
    return value instanceof asn1js.Integer ? value.toBigInt() : undefined;
  });
  return { ...(number === undefined ? {} : { number }), ...(base === undefined ? {} : { base }) };
}

function entriesOf(list: CertificateRevocationList): ReadonlyMap<string, readonly RevocationEntry[]> {
  const entries = new Map<string, RevocationEntry[]>();
  for (const { userCertificate, revocationDate, crlEntryExtensions } of list.revokedCertificates ?? []) {
    const serial = hex(userCertificate.valueBlock.valueHexView);
    const entry = { date: revocationDate.value, ...detailsOf(crlEntryExtensions?.extensions ?? []) };
    entries.set(serial, [...(entries.get(serial) ?? []), entry]);
  }
  return entries;
}

function detailsOf(extensions: readonly Extension[]): Omit<RevocationEntry, 'date'> {
  let isObscure = false;
  let details: Omit<RevocationEntry, 'date' | 'isObscure'> = {};
  for (const extension of extensions) {
    const value = extension.extnID === REASON || extension.extnID === INVALIDITY_DATE ? valueOf(extension) : undefined;
    if (value instanceof asn1js.Enumerated) details = { ...details, reason: value.valueBlock.valueDec };
    else if (value instanceof asn1js.GeneralizedTime) details = { ...details, invalidSince: value.toDate() };
    else if (value || extension.critical) isObscure = true;
  }
  return { ...details, isObscure };
}

/** Lists of other issuers, of some reasons and of attribute certificates are left aside. */
function scopeOf(extension: Extension | undefined): RevocationScope | 'obscure' | undefined {
  if (!extension) return undefined;
  const value = valueOf(extension);
  const parts = value instanceof asn1js.Sequence ? value.valueBlock.value : [];
  const isSet = (tag: number) => parts.some(({ idBlock }) => idBlock.tagNumber === tag);
  if (isSet(3) || isSet(4) || isSet(5) || (isSet(1) && isSet(2))) return 'obscure';
  const urls: string[] = [];
  const visit = (block: asn1js.AsnType): void => {
    if (block instanceof asn1js.Constructed) block.valueBlock.value.forEach(visit);
    else if (block.idBlock.tagNumber === URI)
      urls.push(Buffer.from((block.valueBlock as { valueHexView?: Uint8Array }).valueHexView ?? []).toString('latin1'));
  };
  parts.filter(({ idBlock }) => idBlock.tagNumber === 0).forEach(visit);
  return { urls, ...(isSet(1) ? { only: 'leaves' } : isSet(2) ? { only: 'authorities' } : {}) };
}

function valueOf(extension: Extension): asn1js.AsnType {
  return readDer(extension.extnValue.valueBlock.valueHexView, 'an extension of the list');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
