import { DomainError, type ErrorKind } from '#platform/domain-error.js';

/** Code of errors whose `detail` is the whole body of the answer. */
export const BODY_CODE = 'REST_BODY';

/** A 400 with exactly this body. */
export const badRequest = (body: Record<string, unknown> | readonly string[]): DomainError =>
  withBody('invalid', body, 'The request is not valid.');

/** A 400 that names one input. */
export const badField = (field: string, ...messages: string[]): DomainError => badRequest({ [field]: messages });

/** A 400 about several inputs at once. */
export const badCombination = (message: string): DomainError => badField('non_field_errors', message);

/** An error with exactly this body. */
export const withBody = (kind: ErrorKind, body: unknown, message: string): DomainError =>
  new DomainError(kind, BODY_CODE, message, { detail: body });

/** The resource does not exist, or the caller may not know that it does. */
export const noMatch = (noun: string): DomainError =>
  new DomainError('not-found', 'NOT_FOUND', `No ${noun} matches the given query.`);
