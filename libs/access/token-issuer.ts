import { randomUUID, sign } from 'node:crypto';
import type { HallmarkConfig } from '#platform/config.js';
import { invalid } from '#platform/domain-error.js';
import { stampOf, type Principal } from './principal.js';
import type { AccessEntry, TokenClaims } from './token-claims.js';
import type { TokenKeys } from './token-keys.js';

/** The settings that tokens depend on. */
export type TokenSettings = Pick<HallmarkConfig, 'publicUrl' | 'publicHost' | 'tokenLifetime'>;

/** The answer of the token endpoint, field for field. */
export interface TokenResponse {
  readonly token: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly issued_at: string;
}

/** Who issues tokens, as challenges and the `iss` claim name it. */
export function tokenRealm(settings: Pick<TokenSettings, 'publicUrl'>): string {
  return `${settings.publicUrl}/token/`;
}

/** Makes short-lived registry tokens (JWT, ES256). */
export class TokenIssuer {
  constructor(
    private readonly keys: TokenKeys,
    private readonly settings: TokenSettings,
  ) {}

  /** Throws unless tokens for this service are ours to give. */
  checkService(service: string | undefined): void {
    if (!service) throw invalid('No service name provided.');
    if (service !== this.settings.publicHost)
      throw invalid(
        `This server issues tokens for the service ${this.settings.publicHost} only.`,
        'service',
        'UNSUPPORTED',
      );
  }

  /** A token that carries these rights; which ones is the caller's decision. */
  async issue(
    principal: Principal,
    service: string | undefined,
    access: readonly AccessEntry[],
  ): Promise<TokenResponse> {
    this.checkService(service);
    const now = Math.floor(Date.now() / 1000);
    const lifetime = lifetimeOf(principal, now, this.settings.tokenLifetime);
    const claims: TokenClaims = {
      access: access.map(({ type, name, actions }) => ({ type, name, actions })),
      aud: this.settings.publicHost,
      exp: now + lifetime,
      iat: now,
      iss: tokenRealm(this.settings),
      jti: randomUUID(),
      nbf: now,
      sub: principal.username,
      stamp: stampOf(principal),
    };
    const token = await this.sign(claims);
    const issuedAt = new Date(now * 1000).toISOString();
    return { token, access_token: token, expires_in: lifetime, issued_at: issuedAt };
  }

  private async sign(claims: TokenClaims): Promise<string> {
    const { kid, privateKey } = await this.keys.current();
    const input = `${encode({ alg: 'ES256', typ: 'JWT', kid })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  }
}

/** A robot's token ends with the robot. */
function lifetimeOf(principal: Principal, now: number, longest: number): number {
  if (principal.kind !== 'robot' || principal.expiresAt === null) return longest;
  return Math.max(0, Math.min(longest, Math.floor(principal.expiresAt.getTime() / 1000) - now));
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
