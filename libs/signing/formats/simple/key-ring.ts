import { LRUCache } from 'lru-cache';
import { type Key, readKeys, type Subkey } from 'openpgp';
import { messageOf } from '#platform/domain-error.js';
import type { SignatureFields } from './signature-packet.js';

/** Public keys that may be trusted, one per primary fingerprint; `problems` says which texts could not be read. */
export interface KeyRing {
  readonly keys: ReadonlyMap<string, Key>;
  readonly problems: readonly string[];
}

/** A certificate and the key in it that made a signature. */
export interface SigningKey {
  readonly certificate: Key;
  readonly component: Key | Subkey;
}

const ARMOR = /-----BEGIN PGP P(?:UBLIC|RIVATE) KEY BLOCK-----[\s\S]*?-----END PGP P(?:UBLIC|RIVATE) KEY BLOCK-----/g;
const opened = new LRUCache<string, Promise<Key[]>>({
  max: 256,
  maxSize: 8 * 1024 * 1024,
  sizeCalculation: (_, text) => text.length || 1,
});

/** Reads armored (one text may hold several), base64 and binary keys. Copies of one key are merged, so a revocation in any of them counts. */
export async function readKeyRing(sources: readonly (string | Uint8Array)[]): Promise<KeyRing> {
  const keys = new Map<string, Key>();
  const problems: string[] = [];
  for (const source of sources) {
    for (const block of blocksOf(source)) {
      try {
        for (const key of await open(block)) await add(keys, key);
      } catch (error) {
        problems.push(`a trusted key cannot be read: ${messageOf(error)}`);
      }
    }
  }
  return { keys, problems };
}

/** The keys of a ring which a signature names as its maker; more than one only when short key ids collide. */
export function findSigningKeys(ring: KeyRing, signature: SignatureFields): SigningKey[] {
  const found: SigningKey[] = [];
  for (const certificate of ring.keys.values()) {
    const components: (Key | Subkey)[] = [certificate, ...certificate.getSubkeys()];
    for (const component of components) if (isNamedBy(component, signature)) found.push({ certificate, component });
  }
  return found;
}

/** The primary key's fingerprint in upper-case hex. */
export function fingerprintOf(key: Key | Subkey): string {
  return key.getFingerprint().toUpperCase();
}

function isNamedBy(component: Key | Subkey, signature: SignatureFields): boolean {
  if (signature.fingerprint !== undefined) return fingerprintOf(component) === signature.fingerprint;
  return component.getKeyID().toHex().toUpperCase() === signature.keyId;
}

async function add(keys: Map<string, Key>, key: Key): Promise<void> {
  const fingerprint = fingerprintOf(key);
  const known = keys.get(fingerprint);
  keys.set(fingerprint, known ? await known.update(key) : key);
}

function blocksOf(source: string | Uint8Array): string[] {
  const text = typeof source === 'string' ? source : Buffer.from(source).toString('latin1');
  const armored = text.match(ARMOR);
  if (armored) return armored;
  return [typeof source === 'string' ? source.replace(/\s/g, '') : Buffer.from(source).toString('base64')];
}

function open(block: string): Promise<Key[]> {
  const known = opened.get(block);
  if (known) return known;
  const reading = (
    block.startsWith('-----')
      ? readKeys({ armoredKeys: block })
      : readKeys({ binaryKeys: Buffer.from(block, 'base64') })
  ).then((keys) => keys.map((key) => key.toPublic()));
  reading.catch(() => opened.delete(block));
  opened.set(block, reading);
  return reading;
}
