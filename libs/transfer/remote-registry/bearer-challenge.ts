/** What a registry asks for in WWW-Authenticate. */
export interface Challenge {
  readonly scheme: 'bearer' | 'basic';
  readonly parameters: Readonly<Record<string, string>>;
}

/** Reads the first Bearer or Basic challenge of a WWW-Authenticate header (RFC 9110); undefined when there is none. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const match = /(?:^|,)\s*(Bearer|Basic)(?:\s+|$)/i.exec((header ?? '').slice(0, 8192));
  if (!match) return undefined;
  const rest = header!.slice(match.index + match[0].length);
  const parameters: Record<string, string> = {};
  const PAIR = /\s*,?\s*([A-Za-z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;
  for (let pair = PAIR.exec(rest); pair; pair = PAIR.exec(rest))
    parameters[pair[1]!.toLowerCase()] = pair[2]?.replaceAll(/\\(.)/g, '$1') ?? pair[3]!;
  return { scheme: match[1]!.toLowerCase() as Challenge['scheme'], parameters };
}

/**
 * True when a token server may see the upstream's credentials: the same host, a host of the same registrable domain, or
 * one that the operator allows. A realm on plain http for an upstream on https never may.
 */
export function mayTrustRealm(upstream: URL, realm: URL, allowed: readonly string[]): boolean {
  if (upstream.protocol === 'https:' && realm.protocol !== 'https:') return false;
  const [home, host] = [upstream.hostname.toLowerCase(), realm.hostname.toLowerCase()];
  if (home === host) return true;
  if (allowed.some((each) => [host, realm.host].includes(each.toLowerCase()))) return true;
  const domain = registrableDomain(home);
  return domain !== undefined && domain === registrableDomain(host);
}

/** Suffixes under which strangers have names of their own, besides two-letter countries' own second level. */
const SHARED = new Set([
  'amazonaws.com',
  'azurecr.io',
  'azurewebsites.net',
  'cloudfront.net',
  'github.io',
  'run.app',
  'pkg.dev',
]);
const SECOND_LEVEL = new Set(['ac', 'co', 'com', 'edu', 'gov', 'net', 'org', 'or', 'ne', 'go']);

function registrableDomain(host: string): string | undefined {
  if (/^[\d.]+$/.test(host) || host.includes(':')) return undefined;
  const labels = host.split('.');
  if (labels.length < 2) return undefined;
  const suffix = labels.slice(-2).join('.');
  const country = labels.at(-1)!.length === 2 && SECOND_LEVEL.has(labels.at(-2)!);
  if (!country && !SHARED.has(suffix)) return suffix;
  return labels.length < 3 ? undefined : labels.slice(-3).join('.');
}
