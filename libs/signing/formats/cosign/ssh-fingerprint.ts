import { createHash, type KeyObject } from 'node:crypto';

const CURVES: Readonly<Record<string, string>> = { 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' };

/** The name that sigstore clients give a key in a DSSE envelope: `SHA256:` and the hash that ssh-keygen shows. */
export function sshFingerprint(publicKey: KeyObject): string {
  const digest = createHash('sha256').update(wireForm(publicKey)).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/** RFC 4253, section 6.6; RFC 5656, section 3.1; RFC 8709, section 4. */
function wireForm(publicKey: KeyObject): Buffer {
  const { crv = '', x, y, n, e } = publicKey.export({ format: 'jwk' });
  if (n !== undefined) return Buffer.concat([string('ssh-rsa'), integer(bytesOf(e)), integer(bytesOf(n))]);
  const curve = CURVES[crv];
  if (curve === undefined) return Buffer.concat([string('ssh-ed25519'), string(bytesOf(x))]);
  const point = Buffer.concat([Buffer.of(4), bytesOf(x), bytesOf(y)]);
  return Buffer.concat([string(`ecdsa-sha2-${curve}`), string(curve), string(point)]);
}

const bytesOf = (text = '') => Buffer.from(text, 'base64url');

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A number is written with a leading zero where its first bit would make it negative. */
function integer(value: Buffer): Buffer {
  return string((value[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), value]) : value);
}
