import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { decodeBase64 } from '../base64.js';
import { refusal } from '../refusal.js';
import { isObject, readObject, type JsonObject } from '../strict-object.js';
import { pemBlocks, pemBody } from '../x509/pem.js';
import type { SignedMaterial } from './signed-material.js';

/** What the body of a log entry is about. */
export interface LogBody {
  /** True for the types of Rekor 2, whose logs are tiles. */
  readonly isTile: boolean;
  /** True when the entry is for exactly this signature over exactly these bytes. */
  isFor(material: SignedMaterial): boolean;
  /** DER of the certificate or SPKI that the entry was made for; undefined when it names none. */
  key(): Buffer | undefined;
}

type Path = readonly (string | number)[];

/** One type of entry: where it has the key or certificate (of the first path that is there), and what it is for. */
interface EntryType {
  readonly keys: readonly Path[];
  readonly isFor: (spec: JsonObject, material: SignedMaterial, bytes: Buffer) => boolean;
  readonly isTile?: boolean;
}

/** Of a key: its name in an entry of Rekor 2, and the hash with its own name there. */
type TileKey = readonly [details: string, hash: string, algorithm: string];

const TILE_KEYS: Readonly<Record<string, TileKey>> = {
  prime256v1: ['PKIX_ECDSA_P256_SHA_256', 'sha256', 'SHA2_256'],
  secp384r1: ['PKIX_ECDSA_P384_SHA_384', 'sha384', 'SHA2_384'],
  secp521r1: ['PKIX_ECDSA_P521_SHA_512', 'sha512', 'SHA2_512'],
  2048: ['PKIX_RSA_PKCS1V15_2048_SHA256', 'sha256', 'SHA2_256'],
  3072: ['PKIX_RSA_PKCS1V15_3072_SHA256', 'sha256', 'SHA2_256'],
  4096: ['PKIX_RSA_PKCS1V15_4096_SHA256', 'sha256', 'SHA2_256'],
  ed25519: ['PKIX_ED25519_PH', 'sha512', 'SHA2_512'],
};
const verifierKeys = (path: Path): Path[] =>
  ['x509Certificate', 'publicKey'].map((member) => [...path, 'verifier', member, 'rawBytes']);

const TYPES: ReadonlyMap<string, EntryType> = new Map<string, EntryType>([
  [
    'hashedrekord 0.0.1',
    {
      keys: [['signature', 'publicKey', 'content']],
      isFor: (spec, { content, signed, signature }) =>
        content === 'simple-signing' &&
        isBytes(at(spec, ['signature', 'content']), signature) &&
        at(spec, ['data', 'hash', 'value']) === digestOf('sha256', signed).toString('hex'),
    },
  ],
  [
    'dsse 0.0.1',
    {
      keys: [['signatures', 0, 'verifier']],
      isFor: (spec, { content, payload, signature }) =>
        content === 'statement' &&
        isOne(spec['signatures']) &&
        isBytes(at(spec, ['signatures', 0, 'signature']), signature) &&
        at(spec, ['payloadHash', 'value']) === digestOf('sha256', payload).toString('hex'),
    },
  ],
  [
    'intoto 0.0.2',
    {
      keys: [['content', 'envelope', 'signatures', 0, 'publicKey']],
      isFor: (spec, { content, payload, signature }) =>
        content === 'statement' &&
        isOne(at(spec, ['content', 'envelope', 'signatures'])) &&
        // In base64 twice.
        isBytes(
          decodeBase64(at(spec, ['content', 'envelope', 'signatures', 0, 'sig']))?.toString('latin1'),
          signature,
        ) &&
        at(spec, ['content', 'payloadHash', 'value']) === digestOf('sha256', payload).toString('hex'),
    },
  ],
  [
    // What `cosign attest` writes for `.att` tags: no signature to compare, only the bytes of the whole envelope.
    'intoto 0.0.1',
    {
      keys: [['publicKey']],
      isFor: (spec, { envelope }) =>
        envelope !== undefined &&
        at(spec, ['content', 'hash', 'algorithm']) === 'sha256' &&
        at(spec, ['content', 'hash', 'value']) === digestOf('sha256', envelope).toString('hex'),
    },
  ],
  [
    'hashedrekord 0.0.2',
    {
      isTile: true,
      keys: verifierKeys(['hashedRekordV002', 'signature']),
      isFor: (spec, { signed, signature }, bytes) => {
        const made = tileBodyOf(at(spec, ['hashedRekordV002', 'signature', 'verifier']), signed, signature);
        return made !== undefined && bytes.equals(made);
      },
    },
  ],
  [
    // Rekor 2 made these in its first year; newer clients log an envelope as a `hashedrekord` of what is signed in it.
    'dsse 0.0.2',
    {
      isTile: true,
      keys: verifierKeys(['dsseV002', 'signatures', 0]),
      isFor: (spec, { content, payload, signature }) =>
        content === 'statement' &&
        isOne(at(spec, ['dsseV002', 'signatures'])) &&
        isBytes(at(spec, ['dsseV002', 'signatures', 0, 'content']), signature) &&
        at(spec, ['dsseV002', 'payloadHash', 'algorithm']) === 'SHA2_256' &&
        isBytes(at(spec, ['dsseV002', 'payloadHash', 'digest']), digestOf('sha256', payload)),
    },
  ],
]);

/**
 * Reads the body of an entry under its own type: what the entry says of that outside is not looked at. Throws `DomainError`
 * for what is no strict JSON object, and for types that clients do not read either.
 */
export function readLogBody(bytes: Buffer): LogBody {
  const { kind, apiVersion, spec: given } = readObject(bytes, 'the body of the log entry', 'TLOG_INVALID');
  const type = TYPES.get(`${String(kind)} ${String(apiVersion)}`);
  if (!type) throw refusal('TLOG_INVALID', `entries of type ${String(kind)} ${String(apiVersion)} are not read`);
  const spec = isObject(given) ? given : {};
  return {
    isTile: type.isTile === true,
    isFor: (material) => type.isFor(spec, material, bytes),
    key: () => keyAt(spec, type.keys),
  };
}

/**
 * The one body that Rekor 2 has for a signature: canonical JSON (RFC 8785: sorted members) of what is signed and by which key,
 * everything else follows from the key. Undefined for a key that it takes no entries of.
 */
function tileBodyOf(verifier: unknown, signed: Buffer, signature: Buffer): Buffer | undefined {
  const member = isObject(verifier) && verifier['x509Certificate'] !== undefined ? 'x509Certificate' : 'publicKey';
  const rawBytes = at(verifier, [member, 'rawBytes']);
  const der = decodeBase64(rawBytes);
  const tileKey = der && tileKeyOf(member === 'publicKey' ? publicKeyOf(der) : new X509Certificate(der).publicKey);
  if (!tileKey) return undefined;
  const [keyDetails, hash, algorithm] = tileKey;
  const data = { algorithm, digest: digestOf(hash, signed).toString('base64') };
  const made = { content: signature.toString('base64'), verifier: { keyDetails, [member]: { rawBytes } } };
  const spec = { hashedRekordV002: { data, signature: made } };
  return Buffer.from(JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec }));
}

function tileKeyOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): TileKey | undefined {
  const { namedCurve, modulusLength } = asymmetricKeyDetails ?? {};
  return TILE_KEYS[namedCurve ?? modulusLength ?? asymmetricKeyType ?? ''];
}

const publicKeyOf = (der: Buffer) => createPublicKey({ key: der, format: 'der', type: 'spki' });

function keyAt(spec: JsonObject, paths: readonly Path[]): Buffer | undefined {
  for (const path of paths) {
    const bytes = decodeBase64(at(spec, path));
    if (bytes) return derOf(bytes);
  }
  return undefined;
}

function at(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (Array.isArray(current) && typeof step === 'number') current = current[step];
    else if (isObject(current) && typeof step === 'string') current = current[step];
    else return undefined;
  }
  return current;
}

const isOne = (list: unknown) => Array.isArray(list) && list.length === 1;
const isBytes = (base64: unknown, bytes: Uint8Array) => decodeBase64(base64)?.equals(bytes) === true;
const digestOf = (hash: string, bytes: Uint8Array) => createHash(hash).update(bytes).digest();

function derOf(bytes: Buffer): Buffer {
  const block = pemBlocks(bytes.toString('latin1'))[0];
  if (!block) return bytes;
  if (block.label === 'CERTIFICATE') return pemBody(block);
  return createPublicKey(block.text).export({ type: 'spki', format: 'der' });
}
