import type { FastifyReply } from 'fastify';
import type { HallmarkConfig } from '#platform/config.js';
import { tokenRealm } from '#access/token-issuer.js';
import { clientOrigin } from '../http/client-origin.js';

/** Why a token was not enough (RFC 6750). */
export type TokenProblem = 'invalid_token' | 'insufficient_scope';

/**
 * Puts the Bearer challenge for scopes on an answer, all in one parameter, since clients believe the last one (RFC 6750,
 * section 3); without scopes it only says where tokens are. The status comes with the error.
 */
export function setChallenge(
  reply: FastifyReply,
  config: Pick<HallmarkConfig, 'publicUrl' | 'publicHost'>,
  scopes: readonly string[],
  problem?: TokenProblem,
): void {
  const realm = tokenRealm({ publicUrl: clientOrigin(config, reply) });
  const scope = scopes.length > 0 ? `,scope="${scopes.join(' ')}"` : '';
  const error = problem ? `,error="${problem}"` : '';
  reply.raw.setHeader('WWW-Authenticate', `Bearer realm="${realm}",service="${config.publicHost}"${scope}${error}`);
}
