import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { Authenticator } from '#access/authenticator.js';
import { ANONYMOUS, type Principal } from '#access/principal.js';
import { sessionUser } from '#access/sessions.js';

/** Name of the cookie that holds a session. */
export const SESSION_COOKIE = 'sessionid';

/** Says who sent a request: Basic credentials first, then the session of a browser. */
@Injectable()
export class Callers {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly source: DataSource,
  ) {}

  /** The principal; wrong credentials are an error, none are nobody. */
  async identify(request: FastifyRequest): Promise<Principal> {
    const { authorization } = request.headers;
    if (authorization !== undefined) return this.authenticator.authenticate(authorization, request.ip);
    const session = sessionToken(request.headers.cookie);
    return (session && (await sessionUser(this.source, session))) || ANONYMOUS;
  }
}

/** The session's token in a Cookie header. */
export function sessionToken(cookie: string | undefined): string | undefined {
  const pair = cookie?.split(';').find((each) => each.trim().startsWith(`${SESSION_COOKIE}=`));
  return pair?.slice(pair.indexOf('=') + 1).trim();
}
