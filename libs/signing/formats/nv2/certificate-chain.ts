import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const MAX_DEPTH = 8;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The certificates in PEM texts, several in one text allowed; those that cannot be read are left out. */
export function readCertificates(texts: readonly string[]): X509Certificate[] {
  return texts.flatMap((text) => text.match(PEM) ?? []).flatMap((pem) => openCertificate(pem) ?? []);
}

/** One certificate from PEM or DER; undefined when it, or the key in it, cannot be read. */
export function openCertificate(source: string | Buffer): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(source);
    return certificate.publicKey.type === 'public' ? certificate : undefined;
  } catch {
    return undefined;
  }
}

/** A distinguished name on one line; Node leaves an empty one undefined. */
export function nameText(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ');
}

/** The way from a leaf to a trusted certificate, both ends included; undefined when there is none. Any key usage is accepted. */
export function findChain(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
): X509Certificate[] | undefined {
  if (trusted.some((each) => each.raw.equals(leaf.raw))) return [leaf];
  return climb([leaf], between, trusted);
}

/** The key id of libtrust: base32 of the first 30 bytes of the sha256 of the public key, in 12 groups. */
export function libtrustKeyId(key: KeyObject): string {
  const hash = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 30);
  const bits = [...hash].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const characters = bits
    .match(/.{5}/g)!
    .map((group) => BASE32[Number.parseInt(group, 2)])
    .join('');
  return characters.match(/.{4}/g)!.join(':');
}

/** True when the certificate stands for the host of an image reference; the port does not count. */
export function coversHost(certificate: X509Certificate, reference: string): boolean {
  const host = reference
    .split('/', 1)[0]!
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  if (host === '' || host === reference) return false;
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}

/** Why a certificate of the chain is not valid at a time. */
export function validityProblem(
  chain: readonly X509Certificate[],
  at: Date,
): { code: 'CERT_EXPIRED' | 'CERT_NOT_YET_VALID'; detail: string } | undefined {
  for (const each of chain) {
    const name = nameText(each.subject);
    if (new Date(each.validTo) < at) return { code: 'CERT_EXPIRED', detail: `${name} expired on ${each.validTo}` };
    if (new Date(each.validFrom) > at)
      return { code: 'CERT_NOT_YET_VALID', detail: `${name} is valid from ${each.validFrom}` };
  }
  return undefined;
}

function climb(
  chain: readonly X509Certificate[],
  between: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
): X509Certificate[] | undefined {
  const last = chain.at(-1)!;
  const root = trusted.find((each) => issued(each, last));
  if (root) return [...chain, root];
  if (chain.length === MAX_DEPTH) return undefined;
  const steps = between.filter((each) => !chain.some((known) => known.raw.equals(each.raw)) && issued(each, last));
  for (const step of steps) {
    const found = climb([...chain, step], between, trusted);
    if (found) return found;
  }
  return undefined;
}

function issued(issuer: X509Certificate, child: X509Certificate): boolean {
  return issuer.ca && child.checkIssued(issuer) && child.verify(issuer.publicKey);
}
