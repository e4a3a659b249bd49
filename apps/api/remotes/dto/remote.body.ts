import {
  DecimalField,
  FlagField,
  ObjectListField,
  TextField,
  TextListField,
  WholeField,
} from '../../rest/body/fields.js';
import { HEADER_NAME } from '../../guards/guard.body.js';
import { LabelsField } from '../../rest/body/labels.js';
import type { CrossChecked } from '../../rest/body/validate-body.js';
import type { Columns } from '../../rest/writing/writer.js';

const optional = { optional: true, nullable: true } as const;
const secret = { ...optional, writeOnly: true } as const;
const seconds = { ...optional, min: 0 } as const;

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** When blobs are fetched: with the sync, at the first pull and kept, or at every pull. */
export const DOWNLOAD_POLICIES = ['immediate', 'on_demand', 'streamed'] as const;
/** The same for remotes that stand for a whole registry. */
export const PULL_THROUGH_POLICIES = ['on_demand'] as const;

/** What every remote is made from. */
export abstract class CommonRemoteBody implements CrossChecked {
  @TextField({ description: 'A unique name for this remote.' })
  name: string;

  @TextField({ description: 'The URL of an external content source.' })
  url: string;

  @LabelsField()
  pulp_labels?: Record<string, string | null>;

  @TextField({ ...optional, description: 'A PEM encoded CA certificate used to validate the server certificate.' })
  ca_cert?: string | null;

  @TextField({ ...optional, description: 'A PEM encoded client certificate used for authentication.' })
  client_cert?: string | null;

  @TextField({ ...secret, description: 'A PEM encoded private key used for authentication.' })
  client_key?: string | null;

  @FlagField({ optional: true, description: 'If True, TLS peer validation must be performed.' })
  tls_validation?: boolean;

  @TextField({ ...optional, description: 'The proxy URL. Format: scheme://host:port' })
  proxy_url?: string | null;

  @TextField({ ...secret, description: 'The username to authenticate to the proxy.' })
  proxy_username?: string | null;

  @TextField({ ...secret, verbatim: true, description: 'The password to authenticate to the proxy.' })
  proxy_password?: string | null;

  @TextField({ ...secret, description: 'The username to be used for authentication when syncing.' })
  username?: string | null;

  @TextField({ ...secret, verbatim: true, description: 'The password to be used for authentication when syncing.' })
  password?: string | null;

  @WholeField({ ...optional, description: 'Maximum number of retry attempts after a download failure.' })
  max_retries?: number | null;

  @DecimalField(seconds)
  total_timeout?: number | null;

  @DecimalField(seconds)
  connect_timeout?: number | null;

  @DecimalField(seconds)
  sock_connect_timeout?: number | null;

  @DecimalField(seconds)
  sock_read_timeout?: number | null;

  @ObjectListField({ ...optional, description: 'Headers for aiohttp.Clientsession' })
  headers?: Record<string, unknown>[] | null;

  @WholeField({ ...optional, min: 1, description: 'Total number of simultaneous connections.' })
  download_concurrency?: number | null;

  @WholeField({ ...optional, description: 'Limits requests per second for each concurrent downloader' })
  rate_limit?: number | null;

  @TextListField({ ...optional, itemMax: 255, description: 'What to take; wildcards * and ? are understood.' })
  includes?: string[] | null;

  @TextListField({ ...optional, itemMax: 255, description: 'What to leave out; applied after includes.' })
  excludes?: string[] | null;

  problems(): Record<string, string[]> {
    return { ...urlProblem(this.url), ...proxyProblem(this), ...certificateProblems(this), ...headerProblem(this) };
  }
}

/** What a remote of one upstream repository is made from. */
export class RemoteBody extends CommonRemoteBody {
  @TextField({ description: 'Name of the upstream repository' })
  upstream_name: string;

  @TextField({
    optional: true,
    choices: DOWNLOAD_POLICIES,
    description: 'When blobs are fetched: with the sync, at the first pull and kept, or at every pull.',
  })
  policy?: string;

  @TextListField({ ...secret, itemMax: 255, description: 'Deprecated: use includes.' })
  include_tags?: string[] | null;

  @TextListField({ ...secret, itemMax: 255, description: 'Deprecated: use excludes.' })
  exclude_tags?: string[] | null;

  @TextField({ ...optional, description: 'A URL to a sigstore to download image signatures from' })
  sigstore?: string | null;

  override problems(): Record<string, string[]> {
    const wrong = typeof this.sigstore === 'string' && !isUrl(this.sigstore);
    return { ...super.problems(), ...(wrong ? { sigstore: [NO_URL] } : {}) };
  }
}

/** What a remote that stands for a whole registry is made from. */
export class PullThroughRemoteBody extends CommonRemoteBody {
  @TextField({ optional: true, choices: PULL_THROUGH_POLICIES })
  policy?: string;
}

type Problems = Record<string, string[]>;

const WEB = ['http:', 'https:'];
const PROXIES = [...WEB, 'socks5:'];
/** What is said of a text that should be a URL. */
export const NO_URL = 'Enter a valid URL.';

/** True for a URL that requests can be sent to. */
export const isUrl = (text: string, protocols: readonly string[] = WEB): boolean =>
  protocols.includes(URL.parse(text)?.protocol ?? '');

function urlProblem(url: string | undefined): Problems | undefined {
  if (url === undefined) return undefined;
  if (url.startsWith('file://')) {
    const path = url.slice('file://'.length);
    if (!path.startsWith('/')) return { url: [`The path '${path}' needs to be an absolute pathname.`] };
    return { url: [`The path '${path}' does not start with any of the allowed import paths`] };
  }
  if (!isUrl(url)) return { url: [NO_URL] };
  const { username, password } = new URL(url);
  if (!username && !password) return undefined;
  const text = 'The remote url contains username or password. Please use remote username or password instead.';
  return { url: [text] };
}

function proxyProblem({ proxy_url: url }: CommonRemoteBody): Problems | undefined {
  if (typeof url !== 'string') return undefined;
  if (url.includes('@')) return { proxy_url: ['proxy_url must not contain credentials'] };
  if (isUrl(url, PROXIES)) return undefined;
  return { proxy_url: ['Enter a valid URL, such as http://host:port; https and socks5 are the other schemes.'] };
}

function certificateProblems(body: CommonRemoteBody): Problems {
  const problems: Problems = {};
  for (const name of ['ca_cert', 'client_cert'] as const) {
    const text = body[name];
    if (typeof text !== 'string') continue;
    const blocks = text.match(CERTIFICATES);
    if (blocks) body[name] = `${blocks.join('\n')}\n`;
    else problems[name] = ['No PEM-encoded certificates found in string.'];
  }
  return problems;
}

/** Headers that say how a message is sent, which is not for a remote to say. */
const FRAMING = new Set(['connection', 'content-length', 'expect', 'keep-alive', 'transfer-encoding', 'upgrade']);
const HEADER_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;

function headerProblem({ headers }: CommonRemoteBody): Problems | undefined {
  for (const [name, value] of (headers ?? []).flatMap((each) => Object.entries(each))) {
    const shown = JSON.stringify(name.slice(0, 100));
    if (!HEADER_NAME.test(name) || FRAMING.has(name.toLowerCase()))
      return { headers: [`${shown} is not the name of a header that requests may have.`] };
    if (!['string', 'number'].includes(typeof value) || !HEADER_TEXT.test(String(value)))
      return { headers: [`The value of ${shown} is not one that a header may have.`] };
  }
  return undefined;
}

const both = (list: string[] | null | undefined, older: string[] | null | undefined): string[] | null | undefined =>
  older ? [...(list ?? []), ...older] : list;

/** The columns that a body sets. */
export function remoteColumns(body: RemoteBody | PullThroughRemoteBody): Columns {
  const { include_tags, exclude_tags, ...rest } = body as RemoteBody;
  return { ...rest, includes: both(rest.includes, include_tags), excludes: both(rest.excludes, exclude_tags) };
}
