import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { AddressGuard } from './address-guard.js';
import { lowestRate } from './lowest-rate.js';
import type { Upstream } from './upstream.js';

/** The connections of one remote. Its client certificate is shown to its own host only. */
export class Connections {
  private readonly own: Dispatcher;
  private readonly foreign: Dispatcher;
  private readonly origin: string;

  constructor(upstream: Upstream, guard: AddressGuard) {
    this.origin = new URL(upstream.url).origin;
    const rate = lowestRate(upstream.readTimeout);
    this.own = open(upstream, guard, true).compose(rate);
    this.foreign = open(upstream, guard, false).compose(rate);
  }

  /** The connections to use for a URL. */
  to(url: URL): Dispatcher {
    return url.origin === this.origin ? this.own : this.foreign;
  }

  /** Ends all connections, what is under way included unless `gently`. */
  async close(gently = false): Promise<void> {
    await Promise.all([this.own, this.foreign].map((each) => (gently ? each.close() : each.destroy())));
  }
}

function open(upstream: Upstream, guard: AddressGuard, own: boolean): Dispatcher {
  const timeout = upstream.connectTimeout;
  const tls = {
    rejectUnauthorized: upstream.tlsValidation,
    ...(upstream.caCert ? { ca: upstream.caCert } : {}),
    ...(own && upstream.clientCert ? { cert: upstream.clientCert } : {}),
    ...(own && upstream.clientKey ? { key: upstream.clientKey } : {}),
    timeout,
  };
  const options = { connections: upstream.concurrency, maxHeaderSize: 64 * 1024 };
  if (!upstream.proxy) return new Agent({ ...options, connect: { ...tls, lookup: guard.lookup } });
  const { url, username, password } = upstream.proxy;
  const token = username ? { token: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` } : {};
  return new ProxyAgent({
    ...options,
    uri: url,
    ...token,
    requestTls: tls,
    proxyTls: { timeout },
    proxyTunnel: false,
    // A tunnel is part of the connection.
    clientFactory: (origin, given) => new Pool(origin, { ...given, headersTimeout: timeout }),
  });
}
