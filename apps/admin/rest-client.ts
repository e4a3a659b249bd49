import { readSettings } from './settings.js';
import { type OptionSpec, type Terminal, UsageError, type Words } from './command.js';

/** Options of every command that calls the REST API. */
export const CLIENT_OPTIONS = {
  url: { value: 'URL', doc: 'Origin of the server; default: HALLMARK_PUBLIC_URL or its default.' },
  user: { value: 'NAME', doc: 'Account; default: $HALLMARK_USER, or admin when there is a password.' },
  password: { value: 'PASSWORD', doc: 'Its password; better in $HALLMARK_PASSWORD.' },
  json: { doc: 'Write JSON for programs.' },
} satisfies Record<string, OptionSpec>;

/** Where the REST API begins. */
export const API = '/pulp/api/v3/';

const NOBODY =
  'The server wants to know who asks: give --user and --password, or set HALLMARK_USER and HALLMARK_PASSWORD.';

/** JSON of an answer; what is read of it is checked where it is used. */
export type Json = Record<string, unknown>;

/** A server that refused or could not be reached. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
}

/** Calls of the REST API of one server, as one account. */
export class RestClient {
  private constructor(
    private readonly origin: string,
    private readonly authorization: string | undefined,
  ) {}

  static of(words: Words, { environment }: Terminal): RestClient {
    const origin = words.text('url')?.replace(/\/+$/, '') ?? readSettings(environment).publicUrl;
    if (!/^https?:\/\//.test(origin)) throw new UsageError(`--url must begin with http:// or https://.`);
    const password = words.text('password') ?? environment['HALLMARK_PASSWORD'];
    const user = words.text('user') ?? environment['HALLMARK_USER'] ?? 'admin';
    const basic = Buffer.from(`${user}:${password ?? ''}`).toString('base64');
    return new RestClient(origin, password === undefined ? undefined : `Basic ${basic}`);
  }

  /** A JSON answer; `path` is an href or relative to the API. */
  async call(method: string, path: string, body?: Json): Promise<Json> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await this.send(method, path, { ...content, headers: { 'Content-Type': 'application/json' } });
    try {
      return (await answer.json()) as Json;
    } catch {
      throw new ServerError(`${this.origin} does not answer as Hallmark does. Does --url name another server?`);
    }
  }

  /** An answer whose status is good; throws {@link ServerError} with the server's own words otherwise. */
  async send(method: string, path: string, options: RequestInit = {}): Promise<Response> {
    const url = this.origin + (path.startsWith('/') ? path : API + path);
    const headers = new Headers(options.headers);
    headers.set('Accept', 'application/json, */*;q=0.5');
    if (this.authorization) headers.set('Authorization', this.authorization);
    let answer: Response;
    try {
      answer = await fetch(url, { ...options, method, headers });
    } catch (error) {
      throw new ServerError(
        `${this.origin} cannot be reached (${causeOf(error)}). Is the server running? --url names another one.`,
      );
    }
    if (answer.status === 401 && !this.authorization) throw new ServerError(NOBODY);
    if (!answer.ok) throw new ServerError(await refusalOf(answer));
    return answer;
  }

  /** The href of the one thing with a name; an href is given back as it is. */
  async find(collection: string, what: string, nameOrHref: string): Promise<string> {
    if (nameOrHref.startsWith('/')) return nameOrHref;
    const { results } = await this.call('GET', `${collection}?name=${encodeURIComponent(nameOrHref)}`);
    const [found, ...more] = results as Json[];
    if (!found) throw new ServerError(`There is no ${what} named '${nameOrHref}'.`);
    if (more.length > 0)
      throw new ServerError(`There are ${more.length + 1} of the name '${nameOrHref}'; give the href of the ${what}.`);
    return found['pulp_href'] as string;
  }

  /** The href of a repository of any type. */
  repository(nameOrHref: string): Promise<string> {
    return this.find('repositories/', 'repository', nameOrHref);
  }
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

async function refusalOf(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const body = JSON.parse(text) as Json;
    if (typeof body['detail'] === 'string') return `The server refused (${answer.status}): ${body['detail']}`;
    const lines = Object.entries(body).map(([field, value]) => `${field}: ${[value].flat().map(asText).join(' ')}`);
    return `The server refused (${answer.status}): ${lines.join('; ')}`;
  } catch {
    return `The server refused (${answer.status}): ${text.slice(0, 500) || answer.statusText}`;
  }
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
