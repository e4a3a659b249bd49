import * as asn1js from 'asn1js';
import { LRUCache } from 'lru-cache';
import { CertificateRevocationList } from 'pkijs';
import { invalid } from '#platform/domain-error.js';
import type { CheckCode } from '../../report.js';
import type { Certificate } from '../x509/certificate.js';

/** A revocation list that was handed in, read once. */
interface RevocationList {
  readonly list: CertificateRevocationList;
  readonly issuer: string;
  /** Serial number in hex → reason code. */
  readonly revoked: ReadonlyMap<string, number | undefined>;
  readonly usable: boolean;
  /** Issuer fingerprint → whether its key signed the list. */
  readonly signedBy: Map<string, boolean>;
}

/** The first certificate that is revoked, or whose state cannot be told. */
export interface RevocationProblem {
  readonly code: CheckCode;
  readonly detail: string;
}

const REMOVE_FROM_CRL = 8;
const ACCEPTED = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.113549.1.1.10',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
]);
const lists = new LRUCache<string, readonly RevocationList[]>({ max: 64 });

/**
 * Looks every certificate but the root up in the lists at hand, without network. A certificate that names no OCSP or CRL
 * address and whose issuer has no list cannot be revoked.
 */
export async function findRevocationProblem(
  chain: readonly Certificate[],
  crls: readonly string[],
  now: Date,
): Promise<RevocationProblem | undefined> {
  const known = crls.flatMap(readLists);
  let unknown: RevocationProblem | undefined;
  for (const [index, certificate] of chain.slice(0, -1).entries()) {
    const state = await stateOf(certificate, chain[index + 1]!, known, now);
    if (state === 'revoked') return { code: 'REVOKED', detail: `the certificate "${certificate.subject}" is revoked` };
    if (state === 'unknown') {
      unknown ??= {
        code: 'REVOCATION_UNKNOWN',
        detail: `no current revocation list of "${certificate.issuer}" is at hand for the certificate "${certificate.subject}"`,
      };
    }
  }
  return unknown;
}

async function stateOf(certificate: Certificate, issuer: Certificate, known: readonly RevocationList[], now: Date) {
  let current = false;
  let any = false;
  for (const crl of known) {
    if (!crl.usable || crl.issuer !== issuer.rawSubject || !(await isSignedBy(crl, issuer))) continue;
    any = true;
    if (crl.revoked.has(certificate.serial) && crl.revoked.get(certificate.serial) !== REMOVE_FROM_CRL)
      return 'revoked';
    const next = crl.list.nextUpdate?.value;
    if (crl.list.thisUpdate.value <= now && next && now < next) current = true;
  }
  if (current) return 'good';
  const { crlUrls, ocspUrls } = certificate.extensions;
  return any || crlUrls.length > 0 || ocspUrls.length > 0 ? 'unknown' : 'good';
}

async function isSignedBy(crl: RevocationList, issuer: Certificate): Promise<boolean> {
  const known = crl.signedBy.get(issuer.fingerprint);
  if (known !== undefined) return known;
  const { keyUsage } = issuer.extensions;
  const allowed = !keyUsage || keyUsage.usages.has('cRLSign');
  const result = allowed && (await crl.list.verify({ issuerCertificate: issuer.asn1 }).catch(() => false));
  crl.signedBy.set(issuer.fingerprint, result);
  return result;
}

const PEM = /-----BEGIN (?:X509 )?CRL-----([A-Za-z0-9+/=\s]+?)-----END (?:X509 )?CRL-----/g;

function readLists(text: string): readonly RevocationList[] {
  const known = lists.get(text);
  if (known) return known;
  const blocks = [...text.matchAll(PEM)].map((match) => match[1]!);
  const read = (blocks.length > 0 ? blocks : [text]).map(readList);
  lists.set(text, read);
  return read;
}

function readList(base64: string): RevocationList {
  try {
    const der = Uint8Array.from(Buffer.from(base64, 'base64'));
    const block = asn1js.fromBER(der);
    if (block.offset !== der.length) throw new Error('trailing data');
    const list = new CertificateRevocationList({ schema: block.result });
    const critical = list.crlExtensions?.extensions.some((extension) => extension.critical) ?? false;
    return {
      list,
      issuer: Buffer.from(list.issuer.valueBeforeDecode).toString('hex'),
      revoked: new Map(
        (list.revokedCertificates ?? []).map((entry) => [
          Buffer.from(entry.userCertificate.valueBlock.valueHexView).toString('hex'),
          entry.crlEntryExtensions?.extensions.map(reasonOf).find((reason) => reason !== undefined),
        ]),
      ),
      usable: !critical && ACCEPTED.has(list.signatureAlgorithm.algorithmId),
      signedBy: new Map(),
    };
  } catch {
    throw invalid('Give revocation lists as PEM (-----BEGIN X509 CRL-----) or base64 DER.', 'crls');
  }
}

function reasonOf(extension: { readonly extnID: string; readonly extnValue: asn1js.OctetString }): number | undefined {
  if (extension.extnID !== '2.5.29.21') return undefined;
  const { result } = asn1js.fromBER(Uint8Array.from(extension.extnValue.valueBlock.valueHexView));
  return result instanceof asn1js.Enumerated ? result.valueBlock.valueDec : undefined;
}
