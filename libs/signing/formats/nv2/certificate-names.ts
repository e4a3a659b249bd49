import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Certificate } from '../x509/certificate.js';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

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
export function coversHost({ der }: Certificate, reference: string): boolean {
  const host = reference
    .split('/', 1)[0]!
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  if (host === '' || host === reference) return false;
  const certificate = new X509Certificate(der);
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}
