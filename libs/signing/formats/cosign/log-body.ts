import { createPublicKey } from 'node:crypto';
import { decodeBase64 } from '../base64.js';
import { isObject, readObject, type JsonObject } from '../strict-object.js';
import { pemBlocks, pemBody } from '../x509/pem.js';

/** Where the entry types of Rekor keep the key or certificate, as paths into `spec`. */
const PATHS: readonly (readonly (string | number)[])[] = [
  ['signature', 'publicKey', 'content'],
  ['signatures', 0, 'verifier'],
  ['publicKey'],
  ['content', 'envelope', 'signatures', 0, 'publicKey'],
  ['hashedRekordV002', 'signature', 'verifier', 'x509Certificate', 'rawBytes'],
  ['hashedRekordV002', 'signature', 'verifier', 'publicKey', 'rawBytes'],
  ['dsseV002', 'signatures', 0, 'verifier', 'x509Certificate', 'rawBytes'],
  ['dsseV002', 'signatures', 0, 'verifier', 'publicKey', 'rawBytes'],
];

/** The type of an entry as its body says it, which is what the log has: an entry's own word on that is not looked at. */
export function kindVersionOf(body: Uint8Array): { readonly kind: string; readonly version: string } {
  const { kind, apiVersion } = readBody(body);
  return { kind: String(kind), version: String(apiVersion) };
}

/** DER of the certificate or SPKI that a log entry was made for; undefined when the entry names none. */
export function loggedKeyOf(body: Uint8Array): Buffer | undefined {
  const spec = specOf(body);
  for (const path of PATHS) {
    const bytes = decodeBase64(at(spec, path));
    if (bytes) return derOf(bytes);
  }
  return undefined;
}

/** What an entry says, in the form of its type; an empty object when it says nothing. */
export function specOf(body: Uint8Array): JsonObject {
  const { spec } = readBody(body);
  return isObject(spec) ? spec : {};
}

function readBody(body: Uint8Array): JsonObject {
  return readObject(body, 'the body of the log entry', 'TLOG_INVALID');
}

function at(value: unknown, path: readonly (string | number)[]): unknown {
  let current = value;
  for (const step of path) {
    if (Array.isArray(current) && typeof step === 'number') current = current[step];
    else if (isObject(current) && typeof step === 'string') current = current[step];
    else return undefined;
  }
  return current;
}

function derOf(bytes: Buffer): Buffer {
  const block = pemBlocks(bytes.toString('latin1'))[0];
  if (!block) return bytes;
  if (block.label === 'CERTIFICATE') return pemBody(block);
  return createPublicKey(block.text).export({ type: 'spki', format: 'der' });
}
