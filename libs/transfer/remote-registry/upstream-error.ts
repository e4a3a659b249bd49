import { DomainError, type ErrorKind, isDomainError } from '#platform/domain-error.js';

/** A URL as it may be shown: without user, password and query, which may be signed. */
export function shownUrl(url: string | URL): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** A fault of an upstream. `transient`: the same request may work later. */
export class UpstreamError extends DomainError {
  readonly transient: boolean;
  /** Milliseconds that the upstream asked to wait. */
  readonly waitMs: number | undefined;

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    more: { transient?: boolean; waitMs?: number; cause?: unknown; detail?: unknown } = {},
  ) {
    super(kind, code, message, {
      ...(more.cause === undefined ? {} : { cause: more.cause }),
      ...(more.detail === undefined ? {} : { detail: more.detail }),
      ...(more.waitMs === undefined ? {} : { retryAfter: Math.ceil(more.waitMs / 1000) }),
    });
    this.transient = more.transient ?? false;
    this.waitMs = more.waitMs;
  }
}

const GONE = 'UPSTREAM_NOT_FOUND';

/** True when the upstream says that there is no such thing. */
export const isGone = (error: unknown): boolean => isDomainError(error) && error.code === GONE;

/** The status that an upstream answered with, when that is what the error is about. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof UpstreamError ? (error.options.detail as { status?: number } | undefined)?.status : undefined;

/** The upstream sent something that it must not send. */
export const badAnswer = (url: string | URL, problem: string, { transient = false } = {}) =>
  new UpstreamError('invalid', 'UPSTREAM_INVALID', `${shownUrl(url)}: ${problem}`, { transient });

/** The bytes are not those that were asked for. */
export const wrongBytes = (url: string | URL, expected: string, actual: string) =>
  new UpstreamError(
    'invalid',
    'DIGEST_INVALID',
    `${shownUrl(url)} gave wrong bytes: expected ${expected}, actual ${actual}. Nothing of it was stored.`,
    { transient: true, detail: { expected, actual } },
  );

/** More bytes, pages or entries than anybody needs. */
export const overLimit = (url: string | URL, problem: string) =>
  new UpstreamError('too-large', 'UPSTREAM_LIMIT', `${shownUrl(url)}: ${problem}`);

/** A hop that is refused. */
export const refusedHop = (url: string | URL, problem: string) =>
  new UpstreamError('forbidden', 'UPSTREAM_REFUSED', `${shownUrl(url)}: ${problem}`);

/** The connection failed or broke off. */
export const unreachable = (url: string | URL, cause: unknown, problem = reasonOf(cause)) =>
  new UpstreamError('unavailable', 'UPSTREAM_UNAVAILABLE', `${shownUrl(url)} cannot be reached: ${problem}`, {
    transient: true,
    cause,
  });

/** An answer ended before its end. */
export const brokenOff = (url: string | URL, bytes: number, cause: unknown) =>
  unreachable(url, cause, `the answer broke off after ${bytes} bytes: ${reasonOf(cause)}`);

const KINDS: Readonly<Record<number, [ErrorKind, string]>> = {
  401: ['unauthenticated', 'UPSTREAM_UNAUTHORIZED'],
  403: ['forbidden', 'UPSTREAM_DENIED'],
  404: ['not-found', GONE],
  429: ['throttled', 'UPSTREAM_THROTTLED'],
};

/** An answer with a status that means failure. */
export function failedStatus(
  url: string | URL,
  method: string,
  status: number,
  retryAfter: string | undefined,
): UpstreamError {
  const [kind, code] =
    KINDS[status] ?? (status >= 500 ? ['unavailable', 'UPSTREAM_UNAVAILABLE'] : ['invalid', 'UPSTREAM_INVALID']);
  const waitMs = retryAfterMs(retryAfter);
  return new UpstreamError(
    kind as ErrorKind,
    code as string,
    `${method} ${shownUrl(url)} gave ${status}; expected 200.${hint(status)}`,
    {
      transient: status === 429 || status === 408 || status >= 500,
      detail: { status },
      ...(waitMs === undefined ? {} : { waitMs }),
    },
  );
}

function hint(status: number): string {
  if (status === 401 || status === 403) return ' Check the user name, the password and the rights of the remote.';
  if (status === 429) return ' The upstream limits requests; set rate_limit or sync later.';
  return '';
}

/** Reads Retry-After: seconds or a date. */
export function retryAfterMs(text: string | undefined, now = Date.now()): number | undefined {
  if (!text) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = (cause as NodeJS.ErrnoException).code;
  const inner = cause instanceof AggregateError ? (cause.errors[0] as Error | undefined)?.message : undefined;
  return [code, inner ?? cause.message].filter(Boolean).join(' ');
}
