import type { Readable } from 'node:stream';
import { AddressGuard } from './address-guard.js';
import { parseChallenge } from './bearer-challenge.js';
import { Connections } from './connections.js';
import { Credentials } from './credentials.js';
import { TokenBucket, withRetries } from './pace.js';
import { readLimited } from './read-limited.js';
import type { Upstream } from './upstream.js';
import { badAnswer, failedStatus, refusedHop, unreachable, UpstreamError } from './upstream-error.js';

type Headers = Readonly<Record<string, string>>;

/** A request to the upstream. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'HEAD';
  readonly url: URL;
  readonly headers?: Headers;
  /** False for servers that are not the registry: no credentials and no token. */
  readonly authorized?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** An answer with its body still to be read. */
export interface UpstreamAnswer {
  /** Where it came from after redirects. */
  readonly url: URL;
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: Readable;
  /** Lets go of the body. What is left of a small one is read, so that the connection can be used again. */
  discard(): void;
}

const MAX_REDIRECTS = 10;
const MOST_RENEWALS = 2;
/** Answers up to this size are read to their end when nobody wants them; larger ones cost a new connection. */
const DISCARD_BYTES = 64 * 1024;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Speaks HTTP to one upstream by its rules: pace, credentials, redirects by hand, only addresses that are allowed. */
export class UpstreamClient {
  private readonly guard: AddressGuard;
  private readonly connections: Connections;
  private readonly credentials: Credentials;
  private readonly pace: TokenBucket;
  private readonly origin: string;

  constructor(readonly upstream: Upstream) {
    const own = [new URL(upstream.url).hostname, ...(upstream.lookaside ? [new URL(upstream.lookaside).hostname] : [])];
    this.guard = new AddressGuard([...own, ...upstream.outboundAllow]);
    this.connections = new Connections(upstream, this.guard);
    this.credentials = new Credentials(upstream, (url, headersFor, signal) =>
      this.follow({ method: 'GET', url, signal }, headersFor),
    );
    this.pace = new TokenBucket(upstream.rateLimit);
    this.origin = new URL(upstream.url).origin;
  }

  /** Does work again after transient faults. */
  attempt<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { maxRetries, patience } = this.upstream;
    return withRetries({ maxRetries, patience, signal, onThrottled: (ms) => this.pace.hold(ms) }, work);
  }

  /** What `take` makes of a whole small answer; tried again after transient faults, those that `take` finds among them. */
  read<T>(request: UpstreamRequest, limit: number, take: (bytes: Buffer, answer: UpstreamAnswer) => T): Promise<T> {
    return this.attempt(async () => {
      const answer = await this.open(request);
      return take(await readLimited(answer.body, limit, answer.url, answer.header('content-length')), answer);
    }, request.signal);
  }

  /** The answer to a request, once; statuses other than 2xx are errors. The body must be read or destroyed. */
  async open(request: UpstreamRequest): Promise<UpstreamAnswer> {
    const answer = await this.send(request);
    if (answer.status >= 200 && answer.status < 300) return answer;
    answer.discard();
    throw failedStatus(answer.url, request.method, answer.status, answer.header('retry-after'));
  }

  /** Any answer, also one of failure; 401 is met with credentials, and once more in case that the token had just expired. */
  async send(request: UpstreamRequest): Promise<UpstreamAnswer> {
    const authorized = request.authorized ?? true;
    let authorization = authorized ? this.credentials.header() : undefined;
    for (let renewals = 0; ; renewals += 1) {
      const answer = await this.follow(request, (url) => this.headersFor(request, url, authorization));
      if (answer.status !== 401 || !authorized || answer.url.origin !== this.origin) return answer;
      const challenge = renewals < MOST_RENEWALS ? parseChallenge(answer.header('www-authenticate')) : undefined;
      const renewed = challenge && (await this.credentials.answer(challenge, authorization, request.signal));
      if (!renewed) return answer;
      answer.discard();
      authorization = renewed;
    }
  }

  /** Ends all connections, what is under way included unless `gently`. */
  close(gently = false): Promise<void> {
    return this.connections.close(gently);
  }

  /** What a request says at a URL: to other hosts than the upstream's nothing that is secret. */
  private headersFor({ headers, authorized }: UpstreamRequest, url: URL, authorization: string | undefined): Headers {
    const home = url.origin === this.origin;
    return {
      ...headers,
      ...(home && authorized !== false ? this.upstream.headers : {}),
      ...(home && authorization ? { authorization } : {}),
    };
  }

  private async follow(request: UpstreamRequest, headersFor: (hop: URL) => Headers): Promise<UpstreamAnswer> {
    let url = request.url;
    const seen = new Set<string>();
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const answer = await this.exchange(request.method, url, headersFor(url), request.signal);
      const location = answer.header('location');
      if (!REDIRECTS.has(answer.status) || location === undefined) return answer;
      answer.discard();
      seen.add(url.href);
      url = nextHop(url, location);
      if (seen.has(url.href)) throw badAnswer(request.url, `redirects in a loop through ${url.host}${url.pathname}`);
    }
    throw badAnswer(request.url, `redirects more than ${MAX_REDIRECTS} times`);
  }

  private async exchange(
    method: 'GET' | 'HEAD',
    url: URL,
    headers: Headers,
    signal: AbortSignal | undefined,
  ): Promise<UpstreamAnswer> {
    this.guard.check(url);
    await this.pace.take(signal);
    const limits = [
      signal,
      this.upstream.totalTimeout > 0 ? AbortSignal.timeout(this.upstream.totalTimeout) : undefined,
    ];
    const stops = limits.filter((each) => each !== undefined);
    try {
      const answer = await this.connections.to(url).request({
        method,
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        // Digests are of the bytes as they are stored there.
        headers: { 'user-agent': 'hallmark', 'accept-encoding': 'identity', ...headers },
        headersTimeout: this.upstream.readTimeout,
        bodyTimeout: this.upstream.readTimeout,
        // By default a connection is given up after a HEAD, since some servers send a body where there must be none; of those
        // the next request fails, and is tried again on a new connection.
        reset: false,
        signal: stops.length > 1 ? AbortSignal.any(stops) : (stops[0] ?? null),
      });
      return {
        url,
        status: answer.statusCode,
        header: (name) => first(answer.headers[name]),
        body: answer.body as unknown as Readable,
        // A HEAD announces the length of a body that does not come.
        discard: () =>
          void answer.body
            .dump({ limit: method === 'HEAD' ? Number.MAX_SAFE_INTEGER : DISCARD_BYTES })
            .catch(() => undefined),
      };
    } catch (error) {
      signal?.throwIfAborted();
      throw refusalIn(error) ?? unreachable(url, error);
    }
  }
}

function nextHop(from: URL, location: string): URL {
  let to: URL;
  try {
    to = new URL(location, from);
  } catch {
    throw badAnswer(from, 'redirects to something that is no URL');
  }
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw refusedHop(from, `redirects from https to ${to.host} without TLS`);
  to.username = '';
  to.password = '';
  return to;
}

/** The refusal of an address that the connection met when it resolved the name. */
function refusalIn(error: unknown): UpstreamError | undefined {
  for (let each = error, depth = 0; each instanceof Error && depth < 5; each = each.cause, depth += 1) {
    if (each instanceof UpstreamError) return each;
    if (each instanceof AggregateError) return refusalIn(each.errors[0]);
  }
  return undefined;
}

const first = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(', ') : value);
