import type { UpstreamAnswer } from './upstream-client.js';
import type { Upstream } from './upstream.js';
import { badAnswer } from './upstream-error.js';

/** What lists of a registry are read with. */
export interface RegistryReader {
  readonly upstream: Pick<Upstream, 'url' | 'name'>;
  /** A URL below the upstream's. */
  url(path: string): URL;
  /** What `take` makes of a small answer; tried again after transient faults, those that `take` finds among them. */
  read<T>(url: URL, limit: number, take: (bytes: Buffer, answer: UpstreamAnswer) => T): Promise<T>;
}

/** The JSON of an answer; one that is cut short without telling so is none, and may be whole the next time. */
export function jsonIn(bytes: Buffer, url: URL, what: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw badAnswer(url, `${what} is no JSON`, { transient: true });
  }
}

/**
 * The next page that a Link header names (RFC 8288): its path and query, always at the upstream itself. A header that speaks
 * of a next page and cannot be read is a fault: a list that is cut short looks like a whole one.
 */
export function nextPage(link: string | undefined, current: URL, base: string): URL | undefined {
  const header = (link ?? '').slice(0, 16_384);
  const target = linksIn(header).find(({ rels }) => rels.includes('next'))?.target;
  if (target === undefined) {
    if (/\brel\s*=\s*"?next\b/i.test(header))
      throw badAnswer(current, 'names a next page in a way that cannot be read');
    return undefined;
  }
  try {
    const named = new URL(target, current);
    return new URL(`${named.pathname}${named.search}`, base);
  } catch {
    throw badAnswer(current, 'names a next page that is no URL');
  }
}

const PARAMETER = /\s*;\s*([^\s=;,"<>]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"<>]*)))?/y;
const TARGET = /[\s,]*<([^<>]*)>/y;

function linksIn(header: string): { target: string; rels: string[] }[] {
  const links: { target: string; rels: string[] }[] = [];
  let at = 0;
  for (let target = matchAt(TARGET, header, at); target; target = matchAt(TARGET, header, at)) {
    at = TARGET.lastIndex;
    const rels: string[] = [];
    for (let each = matchAt(PARAMETER, header, at); each; each = matchAt(PARAMETER, header, at)) {
      at = PARAMETER.lastIndex;
      if (each[1]!.toLowerCase() === 'rel') rels.push(...(each[2] ?? each[3] ?? '').toLowerCase().split(/\s+/));
    }
    links.push({ target: target[1]!, rels });
  }
  return links;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
