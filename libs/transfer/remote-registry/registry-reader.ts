import type { UpstreamAnswer } from './upstream-client.js';
import type { Upstream } from './upstream.js';
import { badAnswer } from './upstream-error.js';

/** What lists of a registry are read with. */
export interface RegistryReader {
  readonly upstream: Pick<Upstream, 'url' | 'name'>;
  /** A URL below the upstream's. */
  url(path: string): URL;
  /** A small answer. */
  read(url: URL, limit: number): Promise<{ answer: UpstreamAnswer; bytes: Buffer }>;
}

/** The next page that a Link header names: its path and query, always at the upstream itself. */
export function nextPage(link: string | undefined, current: URL, base: string): URL | undefined {
  const match = /<([^<>]*)>\s*;[^,]*\brel="?next"?/i.exec((link ?? '').slice(0, 16_384));
  if (!match) return undefined;
  try {
    const named = new URL(match[1]!, current);
    return new URL(`${named.pathname}${named.search}`, base);
  } catch {
    throw badAnswer(current, 'names a next page that is no URL');
  }
}
