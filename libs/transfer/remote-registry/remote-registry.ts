import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import type { Descriptor } from '#oci/descriptor.js';
import { algorithmOf, type Digest, digestOf, isDigest, looksLikeDigest } from '#oci/digest.js';
import { MANIFEST_TYPES, SCHEMA1_TYPES } from '#oci/media-types.js';
import { listTags } from './list-tags.js';
import { readLimited } from './read-limited.js';
import type { RegistryReader } from './registry-reader.js';
import { LEAST_PROGRESS, ResumedBody } from './resumed-body.js';
import { type UpstreamAnswer, UpstreamClient } from './upstream-client.js';
import type { Upstream } from './upstream.js';
import { badAnswer, failedStatus, statusOf, wrongBytes } from './upstream-error.js';

/** Largest manifest that is taken. */
export const MANIFEST_LIMIT = 4 * 1024 * 1024;

const ACCEPT = [...MANIFEST_TYPES, ...SCHEMA1_TYPES].join(', ');

/** A manifest as it came, with the digest of its bytes. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** A repository of an upstream registry. Manifests are checked here; whoever stores a blob checks it. */
export class RemoteRegistry implements RegistryReader {
  readonly client: UpstreamClient;
  /** Whether the upstream has the referrers API, once that is known. */
  hasReferrersApi: boolean | undefined;
  private pinged: Promise<{ signatures: boolean }> | undefined;

  constructor(
    readonly upstream: Upstream,
    private readonly signal?: AbortSignal,
  ) {
    this.client = new UpstreamClient(upstream);
    // Every request under way listens to the same signal.
    if (signal) setMaxListeners(0, signal);
  }

  /** True when the upstream serves signatures by the extension API; its header counts on a refusal, too. */
  ping(): Promise<{ signatures: boolean }> {
    this.pinged ??= this.askPing().catch((error: unknown) => {
      this.pinged = undefined;
      throw error;
    });
    return this.pinged;
  }

  private askPing(): Promise<{ signatures: boolean }> {
    return this.client.attempt(async () => {
      const answer = await this.client.send({
        method: 'GET',
        url: this.url('/v2/'),
        authorized: false,
        signal: this.signal,
      });
      answer.discard();
      // Whoever is too busy to answer does not say what it can.
      if (answer.status === 429 || answer.status >= 500)
        throw failedStatus(answer.url, 'GET', answer.status, answer.header('retry-after'));
      return { signatures: answer.header('x-registry-supports-signatures') === '1' };
    }, this.signal);
  }

  /** All tags in the order of the upstream, each once. */
  tags(): Promise<string[]> {
    return listTags(this);
  }

  /** What a tag or digest leads to, by HEAD; by GET when the upstream does not tell the digest, or knows no HEAD. */
  async resolve(reference: string): Promise<Descriptor> {
    const url = this.manifestUrl(reference);
    const descriptor = await this.client.attempt(async () => {
      const answer = await this.client
        .open({ method: 'HEAD', url, headers: { accept: ACCEPT }, signal: this.signal })
        .catch(unlessHeadIsUnknown);
      if (!answer) return undefined;
      answer.discard();
      const digest = answer.header('docker-content-digest') ?? (looksLikeDigest(reference) ? reference : '');
      const size = Number(answer.header('content-length') ?? '');
      const mediaType = (answer.header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
      if (looksLikeDigest(reference) && digest !== reference) throw wrongBytes(url, reference, digest.slice(0, 140));
      return isDigest(digest) && size > 0 && mediaType !== '' ? { digest, size, mediaType } : undefined;
    }, this.signal);
    return descriptor ?? (await this.manifest(reference)).descriptor;
  }

  /** A manifest with its own digest; by digest, bytes that differ are a fault. */
  async manifest(reference: string): Promise<FetchedManifest> {
    const url = this.manifestUrl(reference);
    return this.client.attempt(async () => {
      const answer = await this.client.open({ method: 'GET', url, headers: { accept: ACCEPT }, signal: this.signal });
      const bytes = await readLimited(answer.body, MANIFEST_LIMIT, url, answer.header('content-length'));
      const named = looksLikeDigest(reference) ? reference : answer.header('docker-content-digest');
      const digest = digestOf(bytes, named !== undefined && isDigest(named) ? algorithmOf(named) : 'sha256');
      const mediaType = (answer.header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
      // The digest of a schema 1 manifest leaves its signatures out.
      if (named !== undefined && named !== digest && !SCHEMA1_TYPES.has(mediaType))
        throw wrongBytes(url, named.slice(0, 140), digest);
      return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
    }, this.signal);
  }

  /** A blob's bytes as they come, unchecked. Asked for once; a large one goes on where its connection breaks off. */
  async openBlob({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<Readable> {
    const request = { method: 'GET', url: this.blobUrl(digest), signal: this.signal } as const;
    const { body } = await this.client.open(request);
    if (size < LEAST_PROGRESS || this.upstream.maxRetries === 0) return body;
    return new ResumedBody(body, async (from) => {
      const ranged = { ...request, headers: { range: `bytes=${from}-` } };
      const rest = await this.client.attempt(() => this.client.open(ranged), this.signal);
      if (rest.status === 206 && rest.header('content-range')?.startsWith(`bytes ${from}-`)) return rest.body;
      rest.discard();
      throw badAnswer(rest.url, 'gives no ranges');
    });
  }

  /** Where a blob is. */
  blobUrl(digest: Digest): URL {
    return this.url(`/v2/${this.upstream.name}/blobs/${digest}`);
  }

  /** A URL below the upstream's. */
  url(path: string): URL {
    return new URL(`${this.upstream.url}${path}`);
  }

  /** What `take` makes of a small answer; tried again after transient faults, those that `take` finds among them. */
  read<T>(url: URL, limit: number, take: (bytes: Buffer, answer: UpstreamAnswer) => T, authorized = true): Promise<T> {
    return this.client.read({ method: 'GET', url, authorized, signal: this.signal }, limit, take);
  }

  /** Ends all connections, what is under way included unless `gently`. */
  close(gently = false): Promise<void> {
    return this.client.close(gently);
  }

  private manifestUrl(reference: string): URL {
    return this.url(`/v2/${this.upstream.name}/manifests/${reference}`);
  }
}

/** How servers answer to a method that they do not know. */
const NO_SUCH_METHOD: ReadonlySet<number | undefined> = new Set([400, 405, 501]);

function unlessHeadIsUnknown(error: unknown): undefined {
  if (!NO_SUCH_METHOD.has(statusOf(error))) throw error;
}
