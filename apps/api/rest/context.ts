import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '#access/principal.js';
import { readQuery } from './query.js';

/** One request to the REST API, after the guard let it pass. */
export class RestContext {
  private parsed: Map<string, string[]> | undefined;

  constructor(
    readonly request: FastifyRequest,
    readonly reply: FastifyReply,
    readonly principal: Principal,
  ) {}

  /** Path and query as they were asked for. */
  get url(): string {
    return this.request.url;
  }

  /** Query parameters with their values in order. */
  get query(): ReadonlyMap<string, readonly string[]> {
    return (this.parsed ??= readQuery(this.request.url));
  }

  /** A piece of the path. */
  param(name: string): string {
    return (this.request.params as Record<string, string>)[name] ?? '';
  }

  /** Id of the user, as tasks keep it. */
  get userId(): string | undefined {
    return this.principal.kind === 'user' ? String(this.principal.id) : undefined;
  }
}

/** Where the guard leaves the context. */
export const CONTEXT = Symbol('rest context');

/** A request that the guard let pass. */
export interface AdmittedRequest extends FastifyRequest {
  [CONTEXT]?: RestContext;
}

/** Parameter decorator: the {@link RestContext}. */
export const Context = createParamDecorator((_data: unknown, execution: ExecutionContext): RestContext => {
  const context = execution.switchToHttp().getRequest<AdmittedRequest>()[CONTEXT];
  if (!context) throw new Error('The handler is not behind the guard of the REST API.');
  return context;
});
