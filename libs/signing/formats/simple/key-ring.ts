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

/**
 * The keys of a ring which a signature names as its maker: by fingerprint, else by key id. More than one only when key ids
 * collide, or when certificates share a subkey.
 */
export function findSigningKeys(ring: KeyRing, { fingerprint, keyId }: SignatureFields): SigningKey[] {
  const all = [...ring.keys.values()].flatMap((certificate): SigningKey[] =>
    [certificate, ...certificate.getSubkeys()].map((component) => ({ certificate, component })),
  );
  const named = all.filter(({ component }) => fingerprintOf(component) === fingerprint);
  if (named.length > 0) return named;
  return all.filter(({ component }) => component.getKeyID().toHex().toUpperCase() === keyId);
}

/** The primary key's fingerprint in upper-case hex. */
export function fingerprintOf(key: Key | Subkey): string {
  return key.getFingerprint().toUpperCase();
}

async function add(keys: Map<string, Key>, key: Key): Promise<void> {
  const fingerprint = fingerprintOf(key);
  const known = keys.get(fingerprint);
  keys.set(fingerprint, known ? await known.update(key) : key);
}

function blocksOf(source: string | Uint8Array): string[] {
  // The first bit of binary keys is set; what looks like armor in or behind them is none.
  if (typeof source !== 'string' && source[0]! >= 0x80) return [Buffer.from(source).toString('base64')];
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
