import type { HallmarkConfig } from '#platform/config.js';
import { invalid } from '#platform/domain-error.js';
import type { RemoteEntity } from '../remotes/remote.entity.js';

/** One upstream repository and how it may be reached. Times in milliseconds. */
export interface Upstream {
  /** Base URL without a slash at its end. */
  readonly url: string;
  /** Repository name as the upstream knows it. */
  readonly name: string;
  readonly username?: string;
  readonly password?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly caCert?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly tlsValidation: boolean;
  readonly proxy?: { readonly url: string; readonly username?: string; readonly password?: string };
  readonly lookaside?: string;
  readonly maxRetries: number;
  readonly concurrency: number;
  /** Requests per second; 0: as many as it likes. */
  readonly rateLimit: number;
  readonly totalTimeout: number;
  readonly connectTimeout: number;
  readonly readTimeout: number;
  /** How long a request waits for an upstream that limits requests. */
  readonly patience: number;
  /** Hosts besides the upstream's that may have private addresses. */
  readonly outboundAllow: readonly string[];
  /** Hosts besides the upstream's that may see its credentials to make a token. */
  readonly realmAllow: readonly string[];
}

const DEFAULTS = { retries: 3, concurrency: 10, connect: 10_000, read: 60_000, patience: 120_000 };

/** What a remote says, with defaults; `name` stands in for the upstream name of a pull-through remote. */
export function upstreamOf(remote: RemoteEntity, config: HallmarkConfig, name = remote.upstreamName ?? ''): Upstream {
  const url = remote.url.replace(/\/+$/, '');
  if (!/^https?:\/\//i.test(url)) throw invalid('The URL of the remote must begin with http:// or https://.', 'url');
  const connect = milliseconds(remote.sockConnectTimeout ?? remote.connectTimeout) ?? DEFAULTS.connect;
  return {
    url,
    name: upstreamName(url, name),
    ...present('username', remote.username),
    ...present('password', remote.password),
    headers: Object.assign({}, ...(remote.headers ?? [])) as Record<string, string>,
    ...present('caCert', remote.caCert),
    ...present('clientCert', remote.clientCert),
    ...present('clientKey', remote.clientKey),
    tlsValidation: remote.tlsValidation,
    ...(remote.proxyUrl ? { proxy: proxyOf(remote) } : {}),
    ...present('lookaside', remote.sigstore),
    maxRetries: remote.maxRetries ?? DEFAULTS.retries,
    concurrency: Math.max(1, remote.downloadConcurrency ?? DEFAULTS.concurrency),
    rateLimit: remote.rateLimit ?? 0,
    totalTimeout: milliseconds(remote.totalTimeout) ?? 0,
    connectTimeout: connect,
    readTimeout: milliseconds(remote.sockReadTimeout) ?? DEFAULTS.read,
    patience: DEFAULTS.patience,
    outboundAllow: config.outboundAllow,
    realmAllow: config.tokenRealmAllow,
  };
}

/** The Docker Hub keeps its own images under `library/`. */
function upstreamName(url: string, name: string): string {
  return !name.includes('/') && /registry[-,\w]*\.docker\.io/i.test(url) ? `library/${name}` : name;
}

function proxyOf({ proxyUrl, proxyUsername, proxyPassword }: RemoteEntity): NonNullable<Upstream['proxy']> {
  return { url: proxyUrl!, ...present('username', proxyUsername), ...present('password', proxyPassword) };
}

/** Timers take no more, some 24 days, and go off at once when they are given more. */
const LONGEST_TIMER = 2 ** 31 - 1;

const milliseconds = (seconds: number | null) =>
  seconds === null ? undefined : Math.min(Math.ceil(seconds * 1000), LONGEST_TIMER);

function present<K extends string>(name: K, value: string | null): Partial<Record<K, string>> {
  return value === null || value === '' ? {} : ({ [name]: value } as Record<K, string>);
}
