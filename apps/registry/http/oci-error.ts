import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { databaseTrouble } from '#platform/database.js';
import { DomainError, type ErrorKind, isDomainError } from '#platform/domain-error.js';
import { log } from '#platform/logger.js';
import { sendJson } from './answer.js';
import { drainBody } from '../../drain-body.js';
import { setHeaders } from './registry-headers.js';

/** One entry of an OCI error body. */
interface OciError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly detail?: unknown;
  readonly retryAfter?: number | undefined;
}

const BY_KIND: Record<ErrorKind, { readonly status: number; readonly code: string }> = {
  invalid: { status: 400, code: 'MANIFEST_INVALID' },
  unauthenticated: { status: 401, code: 'UNAUTHORIZED' },
  forbidden: { status: 403, code: 'DENIED' },
  'not-found': { status: 404, code: 'NAME_UNKNOWN' },
  conflict: { status: 409, code: 'UNSUPPORTED' },
  'precondition-failed': { status: 412, code: 'UNSUPPORTED' },
  'too-large': { status: 413, code: 'SIZE_INVALID' },
  range: { status: 416, code: 'BLOB_UPLOAD_INVALID' },
  unsupported: { status: 405, code: 'UNSUPPORTED' },
  throttled: { status: 429, code: 'TOOMANYREQUESTS' },
  unavailable: { status: 503, code: 'UNAVAILABLE' },
  'no-space': { status: 507, code: 'UNAVAILABLE' },
};

/** Codes that clients know (OCI distribution-spec, "Error Codes") and those that our own routes promise. */
const KNOWN = new Set([
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
  'UNAVAILABLE',
  'SIGNATURE_INVALID',
  'ARTIFACT_TYPE_UNSPECIFIED',
  'PAGINATION_NUMBER_INVALID',
  'TAG_INVALID',
  'RANGE_INVALID',
]);

/** The OCI form of anything that was thrown; what was not thrown on purpose says nothing. */
export function toOciError(thrown: unknown): OciError {
  const error = isDomainError(thrown) ? thrown : databaseTrouble(thrown);
  if (!error) return { status: 500, code: 'UNKNOWN', message: 'The registry failed; try again.' };
  const { status, code } = BY_KIND[error.kind];
  return {
    status,
    code: KNOWN.has(error.code) ? error.code : code,
    message: error.message,
    detail: error.options.detail ?? {},
    retryAfter: error.options.retryAfter,
  };
}

/** Answers with an error in the OCI form. */
export function sendOciError(reply: FastifyReply, error: unknown): void {
  if (!isDomainError(error))
    log(databaseTrouble(error) ? 'warn' : 'error', 'a registry request failed', {
      error,
      url: reply.request.originalUrl,
    });
  const { status, code, message, detail, retryAfter } = toOciError(error);
  if (reply.raw.headersSent) return void reply.raw.destroy();
  if (reply.raw.destroyed) return;
  sendJson(
    reply,
    status,
    { errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] },
    {
      'Retry-After': retryAfter,
    },
  );
  drainBody(reply.request);
}

/** Translates what controllers throw into OCI bodies. */
@Catch()
export class OciErrorFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    sendOciError(host.switchToHttp().getResponse<FastifyReply>(), error);
  }
}

/** Answers a URL with more characters than are read. */
export function refuseLongUrl(reply: FastifyReply, limit: number): void {
  const message = `The URL is longer than ${limit} characters.`;
  sendJson(reply, 414, { errors: [{ code: 'UNSUPPORTED', message, detail: {} }] });
}

/** Answers a method that an endpoint does not take. */
export function refuseMethod(reply: FastifyReply, allowed: readonly string[]): void {
  setHeaders(reply.raw, { Allow: allowed.join(', ') });
  sendOciError(reply, new DomainError('unsupported', 'UNSUPPORTED', 'This endpoint does not take that method.'));
}

/** A path below the registry that leads nowhere. */
export const noSuchEndpoint = () => new DomainError('not-found', 'UNSUPPORTED', 'There is no such endpoint.');
