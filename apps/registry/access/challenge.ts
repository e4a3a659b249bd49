import type { FastifyReply } from 'fastify';
import type { HallmarkConfig } from '#platform/config.js';
import { tokenRealm } from '#access/token-issuer.js';

/** Why a token was not enough (RFC 6750). */
export type TokenProblem = 'invalid_token' | 'insufficient_scope';

/**
 * The Bearer challenge for scopes, all in one parameter, since clients believe the last one (RFC 6750, section 3); without
 * scopes it only says where tokens are.
 */
export function challenge(
  config: Pick<HallmarkConfig, 'publicUrl' | 'publicHost'>,
  scopes: readonly string[],
  problem?: TokenProblem,
): string {
  const scope = scopes.length > 0 ? `,scope="${scopes.join(' ')}"` : '';
  const error = problem ? `,error="${problem}"` : '';
  return `Bearer realm="${tokenRealm(config)}",service="${config.publicHost}"${scope}${error}`;
}

/** Puts the challenge on an answer; the status comes with the error. */
export function setChallenge(reply: FastifyReply, value: string): void {
  reply.raw.setHeader('WWW-Authenticate', value);
}
