import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { unavailable } from '#platform/domain-error.js';
import { MOST_STALE_MS } from './access-cache.js';
import { announceTokenKeys, type AccessChanges } from './access-changes.js';
import { lockFirstStart } from './admin-account.js';
import { TokenKey, type TokenJwk } from './token-key.entity.js';

/** No token lives longer, whatever the settings of the process that made it were. */
const LONGEST_TOKEN_MS = 3_660_000;
const RELOAD_MS = 5_000;

/** The key that signs now. */
export interface CurrentKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

interface KeyRing {
  /** {@link TokenKeys.uploadSecrets} */
  readonly uploadSecrets: readonly string[];
  readonly current: CurrentKey;
  /** Verification keys with the time after which nothing they signed can be valid. */
  readonly trusted: ReadonlyMap<string, { readonly key: KeyObject; readonly until: number }>;
}

/** Keys of registry tokens, kept in the database so that all processes share them. */
export class TokenKeys {
  private ring: KeyRing | undefined;
  private loading: Promise<KeyRing> | undefined;
  private loadedAt = 0;

  constructor(
    private readonly source: DataSource,
    private readonly changes: AccessChanges,
  ) {
    changes.onChange((aspect) => {
      if (aspect === 'keys') this.ring = this.loading = undefined;
    });
  }

  /** The key to sign with. */
  async current(): Promise<CurrentKey> {
    return (await this.load()).current;
  }

  /** The key of this id if its tokens can still be valid; unknown ids make it look again, every few seconds at most. */
  async trusted(kid: string): Promise<KeyObject | undefined> {
    const found = (await this.load()).trusted.get(kid) ?? (await this.load(RELOAD_MS)).trusted.get(kid);
    return found && found.until > Date.now() ? found.key : undefined;
  }

  /**
   * Secrets that all processes share, for the ids of upload sessions: made of the keys, so the current one comes first and
   * one ends a day after its key was retired at the earliest, or with it when the key is distrusted.
   */
  async uploadSecrets(anew = false): Promise<readonly string[]> {
    return (await (anew ? this.load(RELOAD_MS) : this.load())).uploadSecrets;
  }

  /** What was read at most so long ago; those who wait for it share one reading. */
  private async load(age = this.changes.reliable ? MOST_STALE_MS : RELOAD_MS): Promise<KeyRing> {
    if (this.ring && Date.now() - this.loadedAt < age) return this.ring;
    if (this.loading) return await this.loading;
    const loading = this.read();
    this.loading = loading;
    try {
      return await loading;
    } finally {
      if (this.loading === loading) this.loading = undefined;
    }
  }

  private async read(): Promise<KeyRing> {
    const epoch = this.changes.epoch('keys');
    const ring = keyRing(await this.source.manager.find(TokenKey));
    if (epoch === this.changes.epoch('keys')) {
      this.ring = ring;
      this.loadedAt = Date.now();
    }
    return ring;
  }
}

/** Makes the first key when there is none. */
export async function ensureTokenKey(source: DataSource): Promise<void> {
  if (await source.manager.exists(TokenKey)) return;
  await source.transaction(async (tx) => {
    await lockFirstStart(tx);
    if (!(await tx.exists(TokenKey))) await insertKey(tx);
  });
}

/**
 * Signs with a new key from now on. Tokens of the old one stay valid until they expire, or with `distrust` (the key leaked)
 * end at once. Returns the new key's id.
 */
export async function rotateTokenKey(source: DataSource, { distrust = false } = {}): Promise<string> {
  return await source.transaction(async (tx) => {
    await lockFirstStart(tx);
    await tx.query(`delete from signing_key where $1 or retired < now() - interval '1 day'`, [distrust]);
    await tx.query('update signing_key set retired = now() where retired is null');
    return await insertKey(tx);
  });
}

/** Key id as libtrust makes it: base32 of 240 bits of the public key's SHA-256, in groups of four. */
export function libtrustKeyId(key: KeyObject): string {
  const digest = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
  const bits = BigInt(`0x${digest.subarray(0, 30).toString('hex')}`)
    .toString(2)
    .padStart(240, '0');
  const letters = bits.match(/.{5}/g)!.map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)]);
  return letters.join('').match(/.{4}/g)!.join(':');
}

async function insertKey(tx: EntityManager): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = libtrustKeyId(publicKey);
  await tx.insert(TokenKey, { kid, jwk: privateKey.export({ format: 'jwk' }) as TokenJwk });
  await announceTokenKeys(tx);
  return kid;
}

function keyRing(rows: readonly TokenKey[]): KeyRing {
  const current = rows.find(({ retired }) => retired === null);
  if (!current) throw unavailable('There is no key for registry tokens yet; start the server once to make it.');
  const trusted = rows.map(({ kid, jwk, retired }) => {
    const key = createPublicKey(privateKeyOf(jwk));
    return [kid, { key, until: retired ? retired.getTime() + LONGEST_TOKEN_MS : Infinity }] as const;
  });
  return {
    current: { kid: current.kid, privateKey: privateKeyOf(current.jwk) },
    trusted: new Map(trusted),
    uploadSecrets: [current, ...rows.filter((row) => row !== current)].map(uploadSecret),
  };
}

function uploadSecret({ jwk }: TokenKey): string {
  return Buffer.from(hkdfSync('sha256', Buffer.from(jwk.d, 'base64url'), '', 'upload sessions', 32)).toString('base64');
}

function privateKeyOf(jwk: TokenJwk): KeyObject {
  return createPrivateKey({ key: { ...jwk }, format: 'jwk' });
}
