import { verify } from 'node:crypto';
import { parseStrictJson } from '#oci/strict-json.js';
import { unauthenticated } from '#platform/domain-error.js';
import { AccessCache } from './access-cache.js';
import type { AccessChanges } from './access-changes.js';
import { accountId, type Accounts } from './accounts.js';
import { ANONYMOUS, stampOf, type Principal } from './principal.js';
import { readClaims, type TokenClaims } from './token-claims.js';
import { tokenRealm, type TokenSettings } from './token-issuer.js';
import type { TokenKeys } from './token-keys.js';

/** A token that holds, and whom it belongs to. */
export interface VerifiedToken {
  readonly claims: TokenClaims;
  readonly principal: Principal;
}

const LONGEST_TOKEN = 32_768;
const LEEWAY_SECONDS = 30;
const CACHE = { entries: 10_000, keyBytes: 16_777_216 };
const SEGMENT = /^[A-Za-z0-9_-]+$/;
const JSON_LIMITS = { depth: 8, values: 5_000 };

/**
 * Checks registry tokens: only our own keys, only ES256, nothing in the token says where a key comes from. The account
 * behind the token must be as it was when the token was made, so that switching it off or taking a role works at once.
 */
export class TokenVerifier {
  private readonly verified: AccessCache<VerifiedToken>;

  constructor(
    private readonly keys: TokenKeys,
    private readonly accounts: Accounts,
    private readonly changes: AccessChanges,
    private readonly settings: TokenSettings,
  ) {
    this.verified = new AccessCache(changes, 'identity', CACHE);
  }

  /** What is already known to hold about an `Authorization` header: one map lookup, for the hot path. */
  peek(authorization: string): VerifiedToken | undefined {
    const known = this.verified.get(authorization);
    return known && !isOver(known.claims) ? known : undefined;
  }

  /** Checks an `Authorization: Bearer` header; throws `unauthenticated` for everything that does not hold. */
  async verify(authorization: string): Promise<VerifiedToken> {
    const known = this.peek(authorization);
    if (known) return known;
    const epoch = this.changes.epoch('identity');
    const claims = await this.checkedClaims(bearerToken(authorization));
    const principal = await this.principalOf(claims);
    const token = { claims, principal };
    const account = principal.kind === 'anonymous' ? -1 : accountId(principal);
    this.verified.put(authorization, { value: token, account }, epoch, claims.exp * 1000 - Date.now());
    return token;
  }

  private async checkedClaims(token: string): Promise<TokenClaims> {
    const [header, payload, signature, ...rest] = token.split('.');
    if (!header || !payload || !signature || rest.length > 0) throw refused();
    if (![header, payload, signature].every((segment) => SEGMENT.test(segment))) throw refused();
    const { alg, typ, kid, crit } = (decode(header) ?? {}) as Record<string, unknown>;
    if (alg !== 'ES256' || (typ !== undefined && typ !== 'JWT') || typeof kid !== 'string' || crit !== undefined)
      throw refused();
    const key = await this.keys.trusted(kid);
    const bytes = Buffer.from(signature, 'base64url');
    if (!key || bytes.length !== 64) throw refused();
    if (!verify('sha256', Buffer.from(`${header}.${payload}`), { key, dsaEncoding: 'ieee-p1363' }, bytes))
      throw refused();
    const claims = readClaims(decode(payload));
    if (!claims || !this.isForUs(claims)) throw refused();
    return claims;
  }

  private isForUs(claims: TokenClaims, now = Date.now() / 1000): boolean {
    return (
      claims.iss === tokenRealm(this.settings) &&
      claims.aud === this.settings.publicHost &&
      !isOver(claims, now) &&
      claims.nbf <= now + LEEWAY_SECONDS &&
      claims.iat <= now + LEEWAY_SECONDS
    );
  }

  private async principalOf(claims: TokenClaims): Promise<Principal> {
    const principal = claims.sub === '' ? ANONYMOUS : await this.accounts.active(claims.sub);
    if (!principal || stampOf(principal) !== claims.stamp) throw refused();
    return principal;
  }
}

function bearerToken(authorization: string): string {
  if (authorization.length > LONGEST_TOKEN) throw refused();
  const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (token === undefined) throw refused();
  return token;
}

function isOver(claims: TokenClaims, now = Date.now() / 1000): boolean {
  return claims.exp + LEEWAY_SECONDS <= now;
}

function decode(segment: string): unknown {
  try {
    return parseStrictJson(Buffer.from(segment, 'base64url'), JSON_LIMITS);
  } catch {
    throw refused();
  }
}

function refused() {
  return unauthenticated('Access to the requested resource is not authorized. The provided Bearer token is invalid.');
}
