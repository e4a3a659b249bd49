import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { AddressGuard } from './address-guard.js';
import type { Upstream } from './upstream.js';

/** The connections of one remote. Its client certificate is shown to its own host only. */
export class Connections {
  private readonly own: Dispatcher;
  private readonly foreign: Dispatcher;
  private readonly origin: string;

  constructor(upstream: Upstream, guard: AddressGuard) {
    this.origin = new URL(upstream.url).origin;
    this.own = open(upstream, guard, true);
    this.foreign = open(upstream, guard, false);
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
  const tls = {
    rejectUnauthorized: upstream.tlsValidation,
    ...(upstream.caCert ? { ca: upstream.caCert } : {}),
    ...(own && upstream.clientCert ? { cert: upstream.clientCert } : {}),
    ...(own && upstream.clientKey ? { key: upstream.clientKey } : {}),
  };
  const options = {
    connections: upstream.concurrency,
    headersTimeout: upstream.readTimeout,
    bodyTimeout: upstream.readTimeout,
    maxHeaderSize: 64 * 1024,
  };
  const connect = { ...tls, timeout: upstream.connectTimeout, lookup: guard.lookup };
  if (!upstream.proxy) return new Agent({ ...options, connect });
  const { url, username, password } = upstream.proxy;
  const token = username ? { token: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` } : {};
  return new ProxyAgent({ ...options, uri: url, ...token, requestTls: tls, proxyTunnel: false });
}
