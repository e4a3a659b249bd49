import { Controller, Get, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { unauthenticated } from '#platform/domain-error.js';
import { Gate } from '../access/gate.js';
import { sendJson } from '../http/answer.js';
import { OciErrorFilter } from '../http/oci-error.js';

/** `/v2/`: the ping by which clients learn that this is a registry and where tokens are. */
@Controller()
@UseFilters(OciErrorFilter)
export class BaseController {
  constructor(private readonly gate: Gate) {}

  @Get('v2/')
  async ping(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const caller = await this.gate.identify({ request, reply });
    if (caller.principal.kind === 'anonymous' && !caller.claims) {
      this.gate.challenge(reply, []);
      throw unauthenticated();
    }
    sendJson(reply, 200, {});
  }
}
