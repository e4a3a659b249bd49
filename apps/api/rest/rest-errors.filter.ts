import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { databaseTrouble } from '#platform/database.js';
import { isDomainError, messageOf, type DomainError, type ErrorKind } from '#platform/domain-error.js';
import { log } from '#platform/logger.js';
import { refusedChange } from './constraints.js';
import { BODY_CODE } from './errors.js';
import { sendableJson } from './json-answers.interceptor.js';

const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'precondition-failed': 412,
  'too-large': 413,
  range: 416,
  unsupported: 415,
  throttled: 429,
  unavailable: 503,
  'no-space': 507,
};

/** Status and body of an answer. */
interface ErrorAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Says anything that was thrown in the form of the REST API. What was not thrown on purpose shows nothing of itself. */
function errorAnswer(error: unknown, path: string): ErrorAnswer {
  const meant = isDomainError(error) ? error : (databaseTrouble(error) ?? refusedChange(error, path));
  if (meant) return domainAnswer(meant);
  if (error instanceof HttpException) {
    const status = error.getStatus();
    // What is still to come of a body that is too slow has to be cut off.
    return { status, body: { detail: error.message }, headers: status === 408 ? { connection: 'close' } : {} };
  }
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { status, body: { detail: messageOf(error) } };
  return { status: 500, body: { detail: 'Internal server error.' } };
}

function domainAnswer({ kind, code, message, options }: DomainError): ErrorAnswer {
  const status = STATUS[kind];
  if (code === BODY_CODE) return { status, body: options.detail };
  if (kind === 'invalid') return { status, body: { [options.field ?? 'non_field_errors']: [message] } };
  const headers = {
    ...(kind === 'unauthenticated' ? { 'www-authenticate': 'Basic realm="api"' } : {}),
    ...(options.retryAfter === undefined ? {} : { 'retry-after': String(options.retryAfter) }),
  };
  return { status, body: { detail: message }, headers };
}

/** Answers errors of REST routes; other routes of the process have filters of their own. A client that leaves in its body is no failure. */
@Catch()
export class RestErrors implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const { method, url, raw } = http.getRequest<FastifyRequest>();
    const { status, body, headers = {} } = errorAnswer(error, url);
    if (status === 500) {
      const left = raw.destroyed && !raw.complete;
      if (!left) log('error', 'a request to the REST API failed', { method, url: url.slice(0, 500), error });
    }
    void reply.status(status).headers(headers).send(sendableJson(reply, body));
  }
}
