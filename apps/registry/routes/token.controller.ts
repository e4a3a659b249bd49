import { Controller, Get, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { catalogActions } from '#access/registry-rights.js';
import { REGISTRY_ACTIONS } from '#access/robot-scope.js';
import type { AccessEntry } from '#access/token-claims.js';
import { TokenIssuer } from '#access/token-issuer.js';
import { parseScopes, type TokenScope } from '#access/token-scopes.js';
import { isRepositoryName } from '#oci/reference.js';
import { type Caller, Gate } from '../access/gate.js';
import { knowPath } from '#content/distributions/path-rights.js';
import { sendJson } from '../http/answer.js';
import { OciErrorFilter } from '../http/oci-error.js';
import { queryValue, queryValues } from '../http/query.js';

/** `/token/`: exchanges Basic credentials, or none, for a short-lived token with the rights that were asked for and are held. */
@Controller()
@UseFilters(OciErrorFilter)
export class TokenController {
  constructor(
    private readonly source: DataSource,
    private readonly gate: Gate,
    private readonly issuer: TokenIssuer,
  ) {}

  @Get('token/')
  async token(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const service = queryValue(request, 'service');
    if (!service) {
      const message = 'No service name provided.';
      return sendJson(reply, 400, { detail: message, errors: [{ code: 'UNSUPPORTED', message, detail: {} }] });
    }
    const caller = await this.gate.identify({ request, reply });
    const access: AccessEntry[] = [];
    for (const scope of parseScopes(queryValues(request, 'scope')))
      access.push({ type: scope.type, name: scope.name, actions: await this.granted(caller, scope) });
    const token = await this.issuer.issue(caller.principal, service, access);
    sendJson(reply, 200, token, { 'Cache-Control': 'no-store' });
  }

  private async granted({ principal }: Caller, { type, name, actions }: TokenScope): Promise<readonly string[]> {
    const { rights } = this.gate;
    if (type === 'registry' && name === 'catalog') return catalogActions(await rights.holder(principal), actions);
    if (type !== 'repository' || !isRepositoryName(name)) return [];
    const { target } = await knowPath(this.source, name);
    return rights.allowed(principal, target, actions.includes('*') ? REGISTRY_ACTIONS : actions);
  }
}
