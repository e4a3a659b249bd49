import { Agent, fetch } from 'undici';
import { DomainError, messageOf, unavailable } from '#platform/domain-error.js';

/** How another installation is reached. */
export interface UpstreamServer {
  readonly base_url: string;
  readonly api_root: string;
  readonly domain: string | null;
  readonly ca_cert: string | null;
  readonly client_cert: string | null;
  readonly client_key: string | null;
  readonly tls_validation: boolean;
  readonly username: string | null;
  readonly password: string | null;
}

/** A distribution there. */
export interface UpstreamDistribution {
  readonly name: string;
  readonly base_path: string;
  readonly registry_path: string;
  readonly private: boolean;
  readonly description: string | null;
}

const PAGE = 100;
const MOST = 100_000;
const TIMEOUT_MS = 60_000;

/**
 * All distributions of container content of another installation that pass its filter; throws too-large when there are more
 * than anybody has, since who follows a list that was cut short would remove the rest.
 */
export async function upstreamDistributions(
  server: UpstreamServer,
  select: string | null,
  signal: AbortSignal,
): Promise<UpstreamDistribution[]> {
  const agent = new Agent({
    connect: {
      rejectUnauthorized: server.tls_validation,
      ...(server.ca_cert ? { ca: server.ca_cert } : {}),
      ...(server.client_cert ? { cert: server.client_cert } : {}),
      ...(server.client_key ? { key: server.client_key } : {}),
    },
  });
  try {
    const found: UpstreamDistribution[] = [];
    for (let offset = 0; offset < MOST; offset += PAGE) {
      const page = await readPage(server, agent, offset, select, signal);
      found.push(...page.results);
      if (!page.next) return found;
    }
    throw new DomainError(
      'too-large',
      'UPSTREAM_LIMIT',
      `${server.base_url} lists more than ${MOST} distributions; narrow them with q_select. Nothing was changed.`,
    );
  } finally {
    await agent.close();
  }
}

async function readPage(
  server: UpstreamServer,
  dispatcher: Agent,
  offset: number,
  select: string | null,
  signal: AbortSignal,
): Promise<{ results: UpstreamDistribution[]; next: string | null }> {
  const url = addressOf(server);
  url.searchParams.set('limit', String(PAGE));
  url.searchParams.set('offset', String(offset));
  url.searchParams.set('ordering', 'name');
  if (select) url.searchParams.set('q', select);
  const credentials = `${server.username ?? ''}:${server.password ?? ''}`;
  const authorization = server.username
    ? { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
    : {};
  try {
    const response = await fetch(url, {
      dispatcher,
      headers: authorization,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return (await response.json()) as { results: UpstreamDistribution[]; next: string | null };
  } catch (error) {
    signal.throwIfAborted();
    throw unavailable(`The distributions of ${url.origin} cannot be read: ${messageOf(error)}.`, 60, error);
  }
}

function addressOf({ base_url, api_root, domain }: UpstreamServer): URL {
  const root = api_root.replace(/^\/+|\/+$/g, '');
  const pieces = [root, domain, 'api/v3/distributions/container/container/'].filter(Boolean).join('/');
  return new URL(`${base_url.replace(/\/+$/, '')}/${pieces}`);
}
