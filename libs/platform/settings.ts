import { resolve } from 'node:path';

/** One setting: the environment variable, its default, how it is read, and what it is for. */
export interface Setting<T> {
  readonly variable: string;
  readonly default: T;
  readonly read: (text: string) => T;
  readonly doc: string;
  readonly secret?: boolean;
}

const text = (value: string) => value;
const optional = (value: string): string | undefined => (value === '' ? undefined : value);
const bool = (value: string) => {
  if (['true', '1', 'yes', 'on'].includes(value.toLowerCase())) return true;
  if (['false', '0', 'no', 'off', ''].includes(value.toLowerCase())) return false;
  throw new Error('must be true or false');
};
const whole =
  (min: number, max: number) =>
  (value: string): number => {
    const number = Number(value);
    if (!Number.isInteger(number) || number < min || number > max)
      throw new Error(`must be a whole number from ${min} to ${max}`);
    return number;
  };
const oneOf =
  <T extends string>(...choices: T[]) =>
  (value: string): T => {
    if (!choices.includes(value as T)) throw new Error(`must be one of ${choices.join(', ')}`);
    return value as T;
  };
const httpUrl = (value: string) => {
  const url = new URL(value);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error('must be an http or https URL');
  return value.replace(/\/+$/, '');
};
/** An address of a server that must begin with one of these. */
const address =
  (...beginnings: string[]) =>
  (value: string): string | undefined => {
    if (value !== '' && !beginnings.some((each) => value.startsWith(each)))
      throw new Error(`must begin with ${beginnings.join(' or ')}`);
    return optional(value);
  };
const list = (value: string) =>
  value
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);

const setting = <T>(
  variable: string,
  fallback: T,
  read: (text: string) => T,
  doc: string,
  secret = false,
): Setting<T> => ({ variable, default: fallback, read, doc, secret });
const maybe = (variable: string, doc: string, secret = false, read = optional) =>
  setting<string | undefined>(variable, undefined, read, doc, secret);
const postgresUrl = address('postgres://', 'postgresql://');

/** All settings. The field name is how code reads it, the variable is how an operator sets it. */
export const SETTINGS = {
  host: setting('HALLMARK_HOST', '127.0.0.1', text, 'Address that this process listens on.'),
  port: setting(
    'HALLMARK_PORT',
    24817,
    whole(0, 65535),
    'Port of standalone and api; registry alone takes 24816 and worker 24818 when it is not set.',
  ),
  publicUrl: setting<string | undefined>(
    'HALLMARK_PUBLIC_URL',
    undefined,
    httpUrl,
    'Origin that clients use: the one source of absolute URLs, the token realm and docker references. Default: http://HOST:PORT.',
  ),
  dataDir: setting(
    'HALLMARK_DATA_DIR',
    'var',
    (value) => resolve(value),
    'Folder of the embedded database, blobs and work folders; nothing is written elsewhere.',
  ),
  adminPassword: maybe(
    'HALLMARK_ADMIN_PASSWORD',
    'Password of admin, used only when the account is first made; generated and printed once when not set.',
    true,
  ),
  databaseUrl: maybe(
    'DATABASE_URL',
    'PostgreSQL 14 or later, may be pooled. Not set: an embedded PostgreSQL under HALLMARK_DATA_DIR.',
    true,
    postgresUrl,
  ),
  databaseDirectUrl: maybe(
    'DATABASE_DIRECT_URL',
    'PostgreSQL without a pooler, for queue, LISTEN, migrations and locks. Default: DATABASE_URL.',
    true,
    postgresUrl,
  ),
  databasePoolSize: setting('HALLMARK_DATABASE_POOL', 10, whole(2, 200), 'Most database connections of one process.'),
  redisUrl: maybe(
    'REDIS_URL',
    'Redis 6.2 or later for the queue. Not set: the queue lives in PostgreSQL.',
    true,
    address('redis://', 'rediss://'),
  ),
  storage: setting('HALLMARK_STORAGE', 'file' as 'file' | 's3', oneOf('file', 's3'), 'Where blob bytes live.'),
  s3Bucket: maybe('S3_BUCKET', 'Bucket of HALLMARK_STORAGE=s3.'),
  s3Endpoint: maybe('S3_ENDPOINT', 'Endpoint of an S3-compatible store; not set: AWS.'),
  s3Region: setting('S3_REGION', 'us-east-1', text, 'Region of the bucket.'),
  s3AccessKeyId: maybe('S3_ACCESS_KEY_ID', 'Access key of the bucket.'),
  s3SecretAccessKey: maybe('S3_SECRET_ACCESS_KEY', 'Secret key of the bucket.', true),
  s3Prefix: setting('S3_PREFIX', '', text, 'Prefix of all keys in the bucket.'),
  s3Checksums: setting(
    'S3_CHECKSUMS',
    'when_supported' as 'when_supported' | 'when_required',
    oneOf('when_supported', 'when_required'),
    'when_required for older stores that refuse CRC trailers.',
  ),
  s3Redirect: setting(
    'S3_REDIRECT',
    true,
    bool,
    'Answer reads of blobs of more than 64 KiB with a redirect to the bucket.',
  ),
  fsync: setting(
    'HALLMARK_FSYNC',
    true,
    bool,
    'Flush blobs, and the rows of an embedded PostgreSQL, to disk before the manifest that names them is acknowledged.',
  ),
  offload: setting(
    'HALLMARK_OFFLOAD',
    false,
    bool,
    'Let the proxy in front send blobs of more than 64 KiB (X-Accel-Redirect) for requests that it marks with X-Accel-Offload.',
  ),
  fastPath: setting(
    'HALLMARK_FAST_PATH',
    true,
    bool,
    'Answer repeated pulls from memory in front of the framework; the answers are the same without.',
  ),
  anonymousPush: setting(
    'HALLMARK_ANONYMOUS_PUSH',
    false,
    bool,
    'Anybody may push: for a laptop. Refused with a host that is not loopback unless HALLMARK_INSECURE=true.',
  ),
  insecure: setting('HALLMARK_INSECURE', false, bool, 'Allow settings that are only safe on a laptop.'),
  trustedProxies: setting<string[]>(
    'HALLMARK_TRUSTED_PROXIES',
    [],
    list,
    'Addresses or networks of the proxies in front, whose X-Forwarded-For is believed; also loopback and uniquelocal.',
  ),
  pushRepositoryType: setting(
    'HALLMARK_PUSH_REPOSITORY_TYPE',
    'container-push' as 'container-push' | 'container',
    oneOf('container-push', 'container'),
    'Type of the repository that a push into a new name makes.',
  ),
  workers: setting('HALLMARK_WORKERS', 2, whole(0, 64), 'Tasks at once in this process.'),
  signParallel: setting(
    'HALLMARK_SIGN_PARALLEL',
    0,
    whole(0, 64),
    'Signing scripts at once in one task; 0: as many as cores, at least 4.',
  ),
  scriptTimeout: setting('HALLMARK_SCRIPT_TIMEOUT', 60, whole(1, 3600), 'Seconds that a signing script may take.'),
  tokenLifetime: setting('HALLMARK_TOKEN_LIFETIME', 300, whole(30, 3600), 'Seconds that a registry token lives.'),
  uploadTtl: setting(
    'HALLMARK_UPLOAD_TTL',
    86_400,
    whole(60, 31_536_000),
    'Seconds after which an idle upload is dropped.',
  ),
  uploadLife: setting(
    'HALLMARK_UPLOAD_LIFE',
    604_800,
    whole(60, 31_536_000),
    'Seconds after which an unfinished upload is dropped, idle or not.',
  ),
  taskTtl: setting(
    'HALLMARK_TASK_TTL',
    0,
    whole(0, 315_360_000),
    'Seconds after which an ended task is forgotten; 0: never.',
  ),
  openUploads: setting('HALLMARK_OPEN_UPLOADS', 1_000, whole(1, 1_000_000), 'Most unfinished uploads of one account.'),
  headerTimeout: setting(
    'HALLMARK_HEADER_TIMEOUT',
    20,
    whole(1, 600),
    'Seconds in which the headers of a request must have come.',
  ),
  idleTimeout: setting(
    'HALLMARK_IDLE_TIMEOUT',
    60,
    whole(1, 3_600),
    'Seconds without a byte after which an upload or download is cut; both can go on later.',
  ),
  gcGrace: setting('HALLMARK_GC_GRACE', 86_400, whole(0, 31_536_000), 'Seconds that unreachable bytes are kept.'),
  gcInterval: setting(
    'HALLMARK_GC_INTERVAL',
    3_600,
    whole(0, 31_536_000),
    'Seconds between automatic collections; 0: only on demand.',
  ),
  stagedGrace: setting(
    'HALLMARK_STAGED_GRACE',
    600,
    whole(1, 86_400),
    'Seconds after which a manifest pushed by digest that nothing reaches gets a version of its own.',
  ),
  manifestLimit: setting('HALLMARK_MANIFEST_LIMIT', 4_194_304, whole(65_536, 67_108_864), 'Largest manifest in bytes.'),
  blobLimit: setting(
    'HALLMARK_BLOB_LIMIT',
    0,
    whole(0, Number.MAX_SAFE_INTEGER),
    'Largest blob in bytes; 0: no limit.',
  ),
  importLimit: setting(
    'HALLMARK_IMPORT_LIMIT',
    107_374_182_400,
    whole(0, Number.MAX_SAFE_INTEGER),
    'Largest archive that an import takes, in bytes and without its compression; 0: no limit.',
  ),
  importRoots: setting<string[]>(
    'HALLMARK_ALLOWED_IMPORT_PATHS',
    [],
    list,
    'Folders that importers may read, separated by commas.',
  ),
  exportRoots: setting<string[]>(
    'HALLMARK_ALLOWED_EXPORT_PATHS',
    [],
    list,
    'Folders that exporters may write, separated by commas.',
  ),
  outboundAllow: setting<string[]>(
    'HALLMARK_OUTBOUND_ALLOW',
    [],
    list,
    'Hosts on private addresses that upstream redirects and token realms may lead to, separated by commas.',
  ),
  tokenRealmAllow: setting<string[]>(
    'HALLMARK_TOKEN_REALM_ALLOW',
    ['auth.docker.io'],
    list,
    'Hosts other than the upstream that its credentials may be sent to for a token.',
  ),
  logLevel: setting(
    'HALLMARK_LOG_LEVEL',
    'info' as 'debug' | 'info' | 'warn' | 'error' | 'silent',
    oneOf('debug', 'info', 'warn', 'error', 'silent'),
    'Least severe log line that is written.',
  ),
  logFormat: setting(
    'HALLMARK_LOG_FORMAT',
    'auto' as 'auto' | 'json' | 'text',
    oneOf('auto', 'json', 'text'),
    'json for machines, text for people; auto: text on a terminal.',
  ),
  metrics: setting('HALLMARK_METRICS', true, bool, 'Answer /metrics.'),
} as const;

/** A field of the configuration. */
export type SettingName = keyof typeof SETTINGS;
/** What each field holds before defaults that depend on others are filled in. */
export type SettingValues = { readonly [K in SettingName]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never };
