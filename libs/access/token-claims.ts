/** One entry of a token's `access` claim: a resource and what may be done with it. */
export interface AccessEntry {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** What a registry token says, after its signature and times were checked. */
export interface TokenClaims {
  /** Name of the user or robot; empty for nobody. */
  readonly sub: string;
  readonly iss: string;
  readonly aud: string;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  readonly jti: string;
  readonly access: readonly AccessEntry[];
  /** State of the account when the token was made; a token with an older one is refused. */
  readonly stamp: string;
}

/** True when the token carries the action on the resource of exactly this name. */
export function permits(claims: Pick<TokenClaims, 'access'>, type: string, name: string, action: string): boolean {
  return claims.access.some((entry) => entry.type === type && entry.name === name && entry.actions.includes(action));
}

/** The claims of a decoded payload; undefined when one is missing or of another type. */
export function readClaims(payload: unknown): TokenClaims | undefined {
  const claims = payload as Partial<Record<keyof TokenClaims, unknown>> | null;
  if (typeof claims !== 'object' || claims === null) return undefined;
  const texts = [claims.sub, claims.iss, claims.aud, claims.jti, claims.stamp];
  const times = [claims.iat, claims.nbf, claims.exp];
  const usable =
    texts.every((each) => typeof each === 'string') &&
    times.every((each) => Number.isSafeInteger(each)) &&
    Array.isArray(claims.access) &&
    claims.access.every(isEntry);
  return usable ? (claims as TokenClaims) : undefined;
}

function isEntry(entry: unknown): entry is AccessEntry {
  const { type, name, actions } = (entry ?? {}) as Partial<Record<keyof AccessEntry, unknown>>;
  return (
    typeof type === 'string' &&
    typeof name === 'string' &&
    Array.isArray(actions) &&
    actions.every((action) => typeof action === 'string')
  );
}
