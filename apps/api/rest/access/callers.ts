import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { Authenticator } from '#access/authenticator.js';
import { ANONYMOUS, type Principal } from '#access/principal.js';
import { isCsrfTokenOf, sessionUser } from '#access/sessions.js';
import { forbidden } from '#platform/domain-error.js';

/** Name of the cookie that holds a session. */
export const SESSION_COOKIE = 'sessionid';
/** Name of the cookie from which pages take what they send as `X-CSRFToken` with changes. */
export const CSRF_COOKIE = 'csrftoken';

/** Methods that change nothing, so that other sites may make a browser send them. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Says who sent a request: Basic credentials first, then the session of a browser, which must prove that a page of ours sent it. */
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
    const user = session && (await sessionUser(this.source, session));
    if (!user) return ANONYMOUS;
    if (!READING.has(request.method)) demandCsrfToken(session, request.headers['x-csrftoken']);
    return user;
  }
}

function demandCsrfToken(session: string, token: string | string[] | undefined): void {
  if (token === undefined) throw forbidden('CSRF Failed: CSRF token missing.');
  if (isCsrfTokenOf(session, String(token))) return;
  throw forbidden("CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header incorrect.");
}

/** The session's token in a Cookie header. */
export function sessionToken(cookie: string | undefined): string | undefined {
  const pair = cookie?.split(';').find((each) => each.trim().startsWith(`${SESSION_COOKIE}=`));
  return pair?.slice(pair.indexOf('=') + 1).trim();
}
