import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { ANONYMOUS } from '#access/principal.js';
import { unauthenticated } from '#platform/domain-error.js';
import { CONTEXT, RestContext, type AdmittedRequest } from '../context.js';
import { OPERATION, OPERATION_OPEN, type Operation } from '../operation.js';
import { PLACE, type Place } from '../place.js';
import { AccessDecisions } from './access-decisions.js';
import { Callers } from './callers.js';

/** Finds out who asks and whether he may; handlers behind it need not ask again. */
@Injectable()
export class RestGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly callers: Callers,
    private readonly decisions: AccessDecisions,
  ) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const http = execution.switchToHttp();
    const request = http.getRequest<AdmittedRequest>();
    const operation = this.reflector.get<Operation | undefined>(OPERATION, execution.getHandler());
    const open = operation?.open || this.reflector.get<boolean | undefined>(OPERATION_OPEN, execution.getHandler());
    const principal = open ? ANONYMOUS : await this.callers.identify(request);
    const context = new RestContext(request, http.getResponse<FastifyReply>(), principal);
    request[CONTEXT] = context;
    if (open) return true;
    if (principal.kind === 'anonymous') throw unauthenticated();
    const place = this.reflector.get<Place | undefined>(PLACE, execution.getClass());
    if (place && operation) await this.decisions.demand(context, place, operation.action);
    return true;
  }
}
