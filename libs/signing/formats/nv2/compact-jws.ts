import { decodeBase64 } from '../base64.js';
import { refusal } from '../refusal.js';
import { type JsonObject, readObject } from '../strict-object.js';

/** Algorithms that nv2 signatures are made with. */
export type Nv2Algorithm = 'RS256' | 'ES256';

/** A JWS cut into its parts (RFC 7515 section 3.1); nothing is verified, `payload` is not yet read. */
export interface CompactJws {
  readonly algorithm: Nv2Algorithm;
  /** DER certificates, leaf first; absent when `keyId` names the key. */
  readonly certificates?: readonly Buffer[];
  /** libtrust's fingerprint of the public key. */
  readonly keyId?: string;
  /** What the signature covers. */
  readonly signed: Buffer;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** Longest signature read, in bytes. */
export const MAX_JWS_SIZE = 1024 * 1024;

/** Reads a compact JWS with type `x509`; one line end after it is allowed. Throws a `MALFORMED_ENVELOPE` error and the like. */
export function readCompactJws(bytes: Uint8Array): CompactJws {
  if (bytes.length > MAX_JWS_SIZE) throw refusal('MALFORMED_ENVELOPE', 'the signature is longer than 1 MiB');
  const text = Buffer.from(bytes).toString('latin1').replace(/\n$/, '');
  const parts = text.split('.', 4);
  const [header, payload, signature] = parts.map(decode);
  if (parts.length !== 3 || !header || !payload || !signature)
    throw refusal('MALFORMED_ENVELOPE', 'the signature is not a compact JWS');
  const signed = Buffer.from(text.slice(0, text.lastIndexOf('.')), 'latin1');
  return { ...readHeader(readObject(header, 'the header', 'MALFORMED_ENVELOPE')), signed, payload, signature };
}

function readHeader(header: JsonObject): Pick<CompactJws, 'algorithm' | 'certificates' | 'keyId'> {
  const { typ, alg, x5c, kid, crit } = header;
  if (typ !== 'x509') throw refusal('UNSUPPORTED_FORMAT', 'the type of the signature is not "x509"');
  if (crit !== undefined) throw refusal('CRITICAL_ATTRIBUTE_UNHANDLED', 'the header marks members as critical');
  if (alg !== 'RS256' && alg !== 'ES256')
    throw refusal('UNSUPPORTED_ALGORITHM', `the algorithm ${JSON.stringify(alg)} is not RS256 or ES256`);
  if (x5c !== undefined) return { algorithm: alg, certificates: certificatesOf(x5c) };
  if (typeof kid !== 'string' || kid === '') throw refusal('MALFORMED_ENVELOPE', 'the header has neither x5c nor kid');
  return { algorithm: alg, keyId: kid };
}

function certificatesOf(value: unknown): Buffer[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 16)
    throw refusal('MALFORMED_ENVELOPE', 'x5c must list 1 to 16 certificates');
  return value.map((each) => {
    const der = decodeBase64(each);
    if (!der) throw refusal('MALFORMED_ENVELOPE', 'x5c holds something else than base64');
    return der;
  });
}

function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.length > 0 && bytes.toString('base64url') === part ? bytes : undefined;
}
