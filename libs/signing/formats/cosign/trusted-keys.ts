import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { pemBlocks } from '../x509/pem.js';

/** A public key that may verify, with the names it goes by. */
export interface PublicKey {
  readonly key: KeyObject;
  /** SHA-256 of the SPKI DER, lower-case hex. */
  readonly fingerprint: string;
  /** The same in base64: what sigstore bundles carry as hint. */
  readonly hint: string;
  /** Shown to people, such as `ECDSA P-256`. */
  readonly algorithm: string;
  /** Hashes in the order they are tried, the one that every client knows first; undefined stands for Ed25519's own. */
  readonly hashes: readonly (string | undefined)[];
}

/** Keys of one text, and why others in it cannot be used. */
export interface KeySet {
  readonly keys: readonly PublicKey[];
  readonly problems: readonly { readonly code: 'WEAK_ALGORITHM' | 'UNSUPPORTED_ALGORITHM'; readonly detail: string }[];
}

const LABELS: ReadonlySet<string> = new Set(['PUBLIC KEY', 'RSA PUBLIC KEY']);
const CURVES: Readonly<Record<string, { algorithm: string; hashes: string[] }>> = {
  prime256v1: { algorithm: 'ECDSA P-256', hashes: ['sha256'] },
  // cosign signs with the hash of the curve and verifies so when told to, else with SHA-256; podman and skopeo know that only.
  secp384r1: { algorithm: 'ECDSA P-384', hashes: ['sha256', 'sha384'] },
  secp521r1: { algorithm: 'ECDSA P-521', hashes: ['sha256', 'sha512'] },
};
/** Bytes of the two numbers, for each of the curves. */
const RAW_LENGTHS: ReadonlySet<number> = new Set([64, 96, 132]);
const MIN_RSA_BITS = 2048;

const NO_KEY = {
  code: 'UNSUPPORTED_ALGORITHM',
  detail: 'a trusted key cannot be read as a PEM public key',
} as const;

const cache = new LRUCache<string, KeySet>({ max: 2000 });

/** The keys in a PEM text, remembered between calls. */
export function keysIn(text: string): KeySet {
  const known = cache.get(text);
  if (known) return known;
  const keys: PublicKey[] = [];
  const problems: KeySet['problems'][number][] = [];
  const blocks = pemBlocks(text).filter(({ label }) => LABELS.has(label));
  if (blocks.length === 0) problems.push(NO_KEY);
  for (const block of blocks) {
    try {
      const found = describeKey(createPublicKey(block.text));
      if ('code' in found) problems.push(found);
      else keys.push(found);
    } catch {
      problems.push(NO_KEY);
    }
  }
  const set = { keys, problems };
  cache.set(text, set);
  return set;
}

/** A key with its algorithm fixed by its type, never by what a signature says. */
export function describeKey(key: KeyObject): PublicKey | KeySet['problems'][number] {
  const how = schemeOf(key);
  if ('code' in how) return how;
  const digest = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
  return { key, fingerprint: digest.toString('hex'), hint: digest.toString('base64'), ...how };
}

/** True when the key made the signature over the data; of ECDSA also as two numbers side by side, which clients take as well. */
export function isSignedBy(
  { key, hashes }: Pick<PublicKey, 'key' | 'hashes'>,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const isRaw = key.asymmetricKeyType === 'ec' && RAW_LENGTHS.has(signature.length);
  const ways = isRaw ? [key, { key, dsaEncoding: 'ieee-p1363' as const }] : [key];
  try {
    return hashes.some((hash) => ways.some((way) => verify(hash, data, way, signature)));
  } catch {
    return false;
  }
}

function schemeOf(key: KeyObject): Pick<PublicKey, 'algorithm' | 'hashes'> | KeySet['problems'][number] {
  const details = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ed25519') return { algorithm: 'Ed25519', hashes: [undefined] };
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details.modulusLength ?? 0;
    if (bits < MIN_RSA_BITS)
      return { code: 'WEAK_ALGORITHM', detail: `an RSA key of ${bits} bits; at least ${MIN_RSA_BITS} are needed` };
    return { algorithm: `RSA ${bits}`, hashes: ['sha256'] };
  }
  const curve = key.asymmetricKeyType === 'ec' ? CURVES[details.namedCurve ?? ''] : undefined;
  if (curve) return curve;
  const name = details.namedCurve ?? key.asymmetricKeyType;
  return {
    code: 'UNSUPPORTED_ALGORITHM',
    detail: `a key of type ${name}; ECDSA P-256, P-384, P-521, RSA and Ed25519 are read`,
  };
}
