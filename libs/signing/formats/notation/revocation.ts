import type { CheckCode } from '../../report.js';
import type { Certificate } from '../x509/certificate.js';
import { readRevocationLists, type RevocationEntry, type RevocationList } from './revocation-list.js';

/** The first certificate that is revoked, or whose state cannot be told. */
export interface RevocationProblem {
  readonly code: CheckCode;
  readonly detail: string;
}

const CERTIFICATE_HOLD = 6;
const REMOVE_FROM_CRL = 8;
/** Points a reader from a certificate to deltas (RFC 5280, section 4.2.1.15). */
const FRESHEST_CRL = '2.5.29.46';

/**
 * Looks every certificate but the root up in the lists at hand, without network. A certificate that names no OCSP or CRL
 * address and whose issuer has no list cannot be revoked. With `signedAt`, a time that somebody vouches for, a certificate
 * counts as good that became invalid later.
 */
export async function findRevocationProblem(
  chain: readonly Certificate[],
  crls: readonly string[],
  now: Date,
  signedAt?: Date,
): Promise<RevocationProblem | undefined> {
  const known = crls.flatMap(readRevocationLists).filter(({ isUsable }) => isUsable);
  let unknown: RevocationProblem | undefined;
  for (const [index, certificate] of chain.slice(0, -1).entries()) {
    const lists = await listsOf(chain[index + 1]!, known);
    const state = stateOf(certificate, lists, now, signedAt);
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

async function listsOf(issuer: Certificate, known: readonly RevocationList[]): Promise<readonly RevocationList[]> {
  const lists: RevocationList[] = [];
  for (const list of known) {
    if (list.issuer === issuer.rawSubject && (await list.isSignedBy(issuer))) lists.push(list);
  }
  return lists;
}

function stateOf(certificate: Certificate, lists: readonly RevocationList[], now: Date, signedAt: Date | undefined) {
  const current = lists.filter(({ thisUpdate, nextUpdate }) => thisUpdate <= now && nextUpdate && now <= nextUpdate);
  const bases = current.filter((list) => list.base === undefined && covers(list, certificate));
  const deltas = current.filter((list) => bases.some((base) => isDeltaOf(list, base)));
  const entries = (of: readonly RevocationList[]) =>
    of
      .flatMap((list) => list.entries.get(certificate.serial) ?? [])
      .filter(({ invalidSince }) => !signedAt || !invalidSince || signedAt >= invalidSince);
  // A revocation for good holds in an old list too; one that may have been lifted counts only while its list is current.
  if (entries(lists).some((entry) => !entry.isObscure && !isTemporary(entry))) return 'revoked';
  const temporary = entries([...bases, ...deltas]).filter(isTemporary);
  const last = temporary.reduce<RevocationEntry | undefined>((found, entry) => later(found, entry), undefined);
  if (last?.reason === CERTIFICATE_HOLD) return 'revoked';
  const { crlUrls, ocspUrls, values } = certificate.extensions;
  const isObscure = entries(lists).some((entry) => entry.isObscure);
  const isFresh = bases.length > 0 && (deltas.length > 0 || !values.has(FRESHEST_CRL));
  if (isFresh && !isObscure) return 'good';
  return lists.length > 0 || crlUrls.length > 0 || ocspUrls.length > 0 ? 'unknown' : 'good';
}

function covers({ scope }: RevocationList, { extensions }: Certificate): boolean {
  if (!scope) return true;
  const isAuthority = extensions.basicConstraints?.ca === true;
  if (scope.only !== undefined && (scope.only === 'authorities') !== isAuthority) return false;
  return scope.urls.length === 0 || scope.urls.some((url) => extensions.crlUrls.includes(url));
}

/** True for a delta that changes this list, or an older one, and is newer. */
function isDeltaOf(delta: RevocationList, { number }: RevocationList): boolean {
  if (delta.base === undefined || delta.number === undefined || number === undefined) return false;
  return delta.base <= number && delta.number > number;
}

function isTemporary({ reason }: RevocationEntry): boolean {
  return reason === CERTIFICATE_HOLD || reason === REMOVE_FROM_CRL;
}

function later(found: RevocationEntry | undefined, entry: RevocationEntry): RevocationEntry {
  return found && found.date >= entry.date ? found : entry;
}
