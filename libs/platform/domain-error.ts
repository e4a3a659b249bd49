/** What kind of failure it is; the apps translate it to a status. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'precondition-failed'
  | 'too-large'
  | 'range'
  | 'unsupported'
  | 'throttled'
  | 'unavailable'
  | 'no-space';

/**
 * The one error that the libs throw on purpose. `code` is a short stable word (an OCI code where one fits), `message` says
 * what the caller can do, `detail` is data for the answer's body, `field` names the input that is wrong.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError';

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    readonly options: {
      readonly detail?: unknown;
      readonly field?: string;
      readonly cause?: unknown;
      readonly retryAfter?: number;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
  }
}

/** Bad input; `field` is the member of the request that must change. */
export const invalid = (message: string, field?: string, code = 'INVALID', detail?: unknown) =>
  new DomainError('invalid', code, message, {
    ...(field === undefined ? {} : { field }),
    ...(detail === undefined ? {} : { detail }),
  });

/** The thing does not exist, or the caller may not know that it does. */
export const notFound = (message: string, code = 'NOT_FOUND', detail?: unknown) =>
  new DomainError('not-found', code, message, detail === undefined ? {} : { detail });

/** Somebody else holds or changed the thing. */
export const conflict = (message: string, code = 'CONFLICT', detail?: unknown) =>
  new DomainError('conflict', code, message, detail === undefined ? {} : { detail });

/** The caller is known and lacks the right. */
export const forbidden = (message = 'You do not have permission to perform this action.', code = 'DENIED') =>
  new DomainError('forbidden', code, message);

/** Nobody, or a wrong password or token. */
export const unauthenticated = (message = 'Authentication credentials were not provided.', code = 'UNAUTHORIZED') =>
  new DomainError('unauthenticated', code, message);

/** A part that this needs is away; the same call may work later. `retryAfter` in seconds. */
export const unavailable = (message: string, retryAfter = 5, cause?: unknown) =>
  new DomainError('unavailable', 'UNAVAILABLE', message, { retryAfter, cause });

/** True for errors that were thrown on purpose, and so may be shown. */
export const isDomainError = (error: unknown): error is DomainError => error instanceof DomainError;

/** The text of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
