import type { DataSource } from 'typeorm';
import type { ServedPath } from '#content/distributions/find-distribution.js';
import { findBlob, findByDigest, findByTag, listTagNames } from '#content/read/find-manifest.js';
import { pageOfReferrers } from '#content/read/page-of-referrers.js';
import { renderReferrers } from '#content/read/render-referrers.js';
import { looksLikeDigest } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import type { GateDecision, TrustGate } from '#signing/gate/trust-gate.js';
import type { BlobStore } from '#storage/blob-store.js';
import { etagOf } from '../http/conditions.js';
import { nextLink } from '../http/query.js';
import { BLOB_CACHING, COMMON_HEADERS } from '../http/registry-headers.js';
import type { Answer, Answers, FlatHeaders } from './answers.js';
import { viewOf } from '../routes/view.js';
import type { FastTarget } from './fast-target.js';
import type { Place } from './place.js';

/** Blobs up to this size are kept in memory. */
const CACHED_BLOB = 128 * 1024;

/** Where answers come from. */
export interface AnswerSource {
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly trust: TrustGate;
  readonly answers: Answers;
}

/** Milliseconds for which a trust policy's yes is kept: keys and certificates expire without anybody changing them. */
const TRUSTED_MS = 10_000;

type Found = Omit<Answer, 'place' | 'version' | 'until'>;

/** Reads what a target is answered with, and keeps its body; undefined for what the slow path answers. */
export async function loadAnswer(
  from: AnswerSource,
  place: Place,
  target: FastTarget,
  url: string,
): Promise<Answer | undefined> {
  const { version, served } = place;
  if (!served || version === 0) return undefined;
  const until = served.trustPolicyId === null ? undefined : performance.now() + TRUSTED_MS;
  const found = await loaders[target.kind](from, served, target as never, url);
  return found && { place, version, until, ...found };
}

/** Who is refused is told so by the slow path, which also spares him who signs, and warns where a policy only looks. */
function isPlain(decision: GateDecision | undefined): boolean {
  return decision === undefined || (decision.allowed && decision.reason === undefined);
}

type Of<K extends FastTarget['kind']> = Extract<FastTarget, { readonly kind: K }>;
type Loader<T> = (from: AnswerSource, served: ServedPath, target: T, url: string) => Promise<Found | undefined>;

const manifest: Loader<Of<'manifest'>> = async ({ source, trust, answers }, served, { reference }) => {
  const find = looksLikeDigest(reference) ? findByDigest : findByTag;
  const found = await find(source, viewOf(served), reference);
  if (!found || found.size > answers.limits.largestBody) return undefined;
  if (!isPlain(await trust.decide(served, found, reference))) return undefined;
  if (!answers.body(found.digest)) answers.keepBody(found.digest, found.bytes);
  return tagged(found.digest, 'no-cache, no-transform', found.mediaType, found.size, []);
};

const blob: Loader<Of<'blob'>> = async ({ source, store, trust, answers }, served, { reference: digest }) => {
  const found = await findBlob(source, viewOf(served), digest);
  if (!found?.stored || !isPlain(await trust.decideBlob(served, found))) return undefined;
  const small = found.size <= CACHED_BLOB;
  if (small && !answers.body(digest)) {
    const bytes = found.size === 0 ? Buffer.alloc(0) : await store.getBytes(digest, CACHED_BLOB);
    if (bytes.length !== found.size) return undefined;
    answers.keepBody(digest, bytes);
  }
  const head = tagged(digest, BLOB_CACHING, MediaType.octetStream, found.size, ['Accept-Ranges', 'bytes']);
  return { ...head, blobSize: found.size, isStreamed: !small };
};

const referrers: Loader<Of<'referrers'>> = async ({ source, answers }, served, { reference, types }, url) => {
  const { referrers: found, next } = await pageOfReferrers(source, viewOf(served), reference, { types });
  if (next !== undefined) return undefined;
  const body = renderReferrers(found);
  const filters = types.length > 0 ? ['OCI-Filters-Applied', 'artifactType'] : [];
  return list(answers, served, url, MediaType.ociIndex, body, filters);
};

const tags: Loader<Of<'tags'>> = async ({ source, answers }, served, { name, n, last }, url) => {
  const found = await listTagNames(source, viewOf(served), last, n + 1);
  const shown = found.slice(0, n);
  const link = found.length > n ? nextLink(`/v2/${name}/tags/list`, { n: String(n), last: shown.at(-1)! }) : undefined;
  const body = Buffer.from(JSON.stringify({ name, tags: shown }));
  return list(answers, served, url, 'application/json', body, link ? ['Link', link] : []);
};

const loaders = { manifest, blob, referrers, tags } satisfies { [K in FastTarget['kind']]: Loader<Of<K>> };

function tagged(digest: string, cacheControl: string, type: string, size: number, more: FlatHeaders): Found {
  const etag = etagOf(digest);
  const both = [...COMMON, 'Docker-Content-Digest', digest, 'ETag', etag, ...more, 'Cache-Control', cacheControl];
  return {
    digest,
    etag,
    bodyKey: digest,
    unchanged: both,
    headers: [...both, 'Content-Type', type, 'Content-Length', String(size)],
  };
}

function list(
  answers: Answers,
  { repositoryId }: ServedPath,
  url: string,
  type: string,
  body: Buffer,
  more: FlatHeaders,
): Found | undefined {
  if (body.length > answers.limits.largestBody) return undefined;
  const bodyKey = `${repositoryId} ${url}`;
  answers.keepBody(bodyKey, body);
  return {
    bodyKey,
    headers: [...COMMON, ...more, 'Content-Type', type, 'Content-Length', String(body.length)],
  };
}

const COMMON: FlatHeaders = Object.entries(COMMON_HEADERS).flat();
