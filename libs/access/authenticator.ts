import { createHash, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { unauthenticated } from '#platform/domain-error.js';
import { AccessCache } from './access-cache.js';
import type { AccessChanges } from './access-changes.js';
import { accountId, isCurrent, readAccount, type Account } from './accounts.js';
import { basicCredentials, type BasicCredentials } from './basic-credentials.js';
import { LoginThrottle } from './login-throttle.js';
import { PasswordHasher } from './password-hashing.js';
import { ANONYMOUS, ROBOT_PREFIX, type Principal, type RobotPrincipal, type UserPrincipal } from './principal.js';
import type { RobotUse } from './robot-use.js';

/** Parts that tests replace. */
export interface AuthenticatorParts {
  readonly hasher?: PasswordHasher;
  readonly throttle?: LoginThrottle;
  readonly robotUse?: RobotUse;
}

/**
 * Says who a request comes from. A password is hashed once; after that a request costs one keyed hash and one map lookup,
 * and once a minute one query. A change of the account is noticed at once.
 */
export class Authenticator {
  private readonly secret = randomBytes(32).toString('base64');
  private readonly known: AccessCache<UserPrincipal | RobotPrincipal>;
  /** Which stored hash a credential was found to fit: true for ever, and worthless as soon as the stored hash differs. */
  private readonly proofs = new LRUCache<string, string>({ max: 10_000 });
  private readonly hasher: PasswordHasher;
  private readonly throttle: LoginThrottle;
  private readonly robotUse: RobotUse | undefined;

  constructor(
    private readonly source: DataSource,
    changes: AccessChanges,
    parts: AuthenticatorParts = {},
  ) {
    this.known = new AccessCache(changes, 'identity');
    this.hasher = parts.hasher ?? new PasswordHasher();
    this.throttle = parts.throttle ?? new LoginThrottle();
    this.robotUse = parts.robotUse;
  }

  /** The principal of an `Authorization` header: Basic of users and of robots (`robot$name`); anything else is nobody. */
  async authenticate(authorization: string | undefined, address: string): Promise<Principal> {
    const credentials = basicCredentials(authorization);
    return credentials ? await this.load(this.keyOf(authorization!), credentials, address) : ANONYMOUS;
  }

  /** Who sent an `Authorization: Basic` header, if that is known already: one keyed hash and one lookup, for the hot path. */
  peek(authorization: string): UserPrincipal | RobotPrincipal | undefined {
    const principal = this.known.get(this.keyOf(authorization));
    return principal && this.usable(principal) ? principal : undefined;
  }

  /** The principal that a name and a password belong to. */
  async signIn(credentials: BasicCredentials, address: string): Promise<UserPrincipal | RobotPrincipal> {
    return await this.load(this.keyOf(`${credentials.username}:${credentials.password}`), credentials, address);
  }

  private async load(
    key: string,
    credentials: BasicCredentials,
    address: string,
  ): Promise<UserPrincipal | RobotPrincipal> {
    const principal = await this.known.load(key, async () => {
      const value = await this.judge(key, credentials, address);
      return { value, account: accountId(value) };
    });
    if (!this.usable(principal)) throw wrong();
    return principal;
  }

  private usable(principal: UserPrincipal | RobotPrincipal): boolean {
    if (!isCurrent(principal)) return false;
    if (principal.kind === 'robot') this.robotUse?.note(principal.id);
    return true;
  }

  private keyOf(credential: string): string {
    // Nobody sees these hashes, so that a secret in front does what an HMAC would, at a fifth of its cost.
    return hash('sha256', this.secret + credential, 'base64');
  }

  private async judge(
    key: string,
    { username, password }: BasicCredentials,
    address: string,
  ): Promise<UserPrincipal | RobotPrincipal> {
    const account = await readAccount(this.source, username);
    if (account?.secretHash && this.proofs.get(key) === account.secretHash) return account.principal;
    const takeBack = this.throttle.begin(username, address);
    let fits: boolean;
    try {
      fits = await this.fits(account, username, password);
    } catch (error) {
      takeBack();
      throw error;
    }
    if (!fits || !account?.secretHash) throw wrong();
    takeBack();
    this.proofs.set(key, account.secretHash);
    return account.principal;
  }

  private async fits(account: Account | undefined, username: string, password: string): Promise<boolean> {
    if (username.startsWith(ROBOT_PREFIX))
      return account?.secretHash ? fitsSecret(account.secretHash, password) : false;
    return await this.hasher.verify(account?.secretHash ?? null, password);
  }
}

/** The stored form of a secret that was generated, not chosen. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function fitsSecret(stored: string, secret: string): boolean {
  return timingSafeEqual(Buffer.from(stored, 'hex'), Buffer.from(hashSecret(secret), 'hex'));
}

function wrong() {
  return unauthenticated('Invalid username/password.');
}
