import { type Challenge, mayTrustRealm } from './bearer-challenge.js';
import { readLimited } from './read-limited.js';
import type { UpstreamAnswer } from './upstream-client.js';
import type { Upstream } from './upstream.js';
import { badAnswer, failedStatus, shownUrl, UpstreamError } from './upstream-error.js';

type Headers = Readonly<Record<string, string>>;

/** Asks a URL, with headers for each hop that it leads to. */
type Ask = (url: URL, headersFor: (hop: URL) => Headers, signal: AbortSignal | undefined) => Promise<UpstreamAnswer>;

const TOKEN_LIMIT = 64 * 1024;

/** The credentials of one remote and the token made from them; never shared with another remote. */
export class Credentials {
  private current: string | undefined;
  private renewal: Promise<string | undefined> | undefined;

  constructor(
    private readonly upstream: Upstream,
    private readonly ask: Ask,
  ) {}

  /** What to send with the next request. */
  header(): string | undefined {
    return this.current;
  }

  /** Meets a challenge; undefined when there is nothing to meet it with. Requests that fail together renew once. */
  async answer(challenge: Challenge, sent: string | undefined, signal?: AbortSignal): Promise<string | undefined> {
    if (this.current !== undefined && this.current !== sent) return this.current;
    this.renewal ??= this.renew(challenge, sent, signal).finally(() => (this.renewal = undefined));
    return this.renewal;
  }

  private async renew(
    challenge: Challenge,
    sent: string | undefined,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    if (challenge.scheme === 'basic') {
      const basic = this.basic();
      return basic === sent ? undefined : (this.current = basic);
    }
    return (this.current = `Bearer ${await this.fetchToken(challenge, signal)}`);
  }

  private basic(): string | undefined {
    const { username, password } = this.upstream;
    return username === undefined
      ? undefined
      : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
  }

  private async fetchToken({ parameters }: Challenge, signal?: AbortSignal): Promise<string> {
    const { realm = '', ...query } = parameters;
    const url = this.realmUrl(realm);
    for (const [name, value] of Object.entries({ scope: `repository:${this.upstream.name}:pull`, ...query }))
      if (name !== 'error' && name !== 'error_description') url.searchParams.set(name, value);
    const basic = this.basic();
    const headersFor = (hop: URL): Headers => (basic && this.trusts(hop) ? { authorization: basic } : {});
    const answer = await this.ask(url, headersFor, signal);
    if (answer.status !== 200) {
      answer.discard();
      throw this.refused(answer);
    }
    return tokenIn(await readLimited(answer.body, TOKEN_LIMIT, url, answer.header('content-length')), url);
  }

  private trusts(realm: URL): boolean {
    return mayTrustRealm(new URL(this.upstream.url), realm, this.upstream.realmAllow);
  }

  private realmUrl(realm: string): URL {
    try {
      const url = new URL(realm);
      url.username = '';
      url.password = '';
      return url;
    } catch {
      throw badAnswer(this.upstream.url, 'asks for a token without saying where (no realm that is a URL)');
    }
  }

  private refused({ url, status, header }: UpstreamAnswer): UpstreamError {
    const failure = failedStatus(url, 'GET', status, header('retry-after'));
    if (this.trusts(url) || failure.transient || this.upstream.username === undefined) return failure;
    return new UpstreamError(
      'unauthenticated',
      'UPSTREAM_UNAUTHORIZED',
      `${shownUrl(url)} gives no token without credentials, and the remote's credentials are not sent to ${url.host}, which is not the upstream's host; allow it with HALLMARK_TOKEN_REALM_ALLOW if it is meant.`,
    );
  }
}

function tokenIn(bytes: Buffer, url: URL): string {
  try {
    const { token, access_token: other } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
    const found = [token, other].find((each) => typeof each === 'string' && each !== '');
    if (typeof found === 'string' && /^[\x21-\x7e]+$/.test(found)) return found;
  } catch {
    // Reported below.
  }
  throw badAnswer(url, 'gave no token');
}
