import type { DataSource } from 'typeorm';
import { findBlob, findByDigest, findByTag, listTagNames } from '#content/read/find-manifest.js';
import { pageOfReferrers } from '#content/read/page-of-referrers.js';
import { renderReferrers } from '#content/read/render-referrers.js';
import { looksLikeDigest } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import type { BlobStore } from '#storage/blob-store.js';
import { etagOf } from '../http/conditions.js';
import { nextLink } from '../http/query.js';
import { BLOB_CACHING, COMMON_HEADERS } from '../http/registry-headers.js';
import type { Answer, Answers, FlatHeaders } from './answers.js';
import type { FastTarget } from './fast-target.js';
import type { Place } from './place.js';

/** Blobs up to this size are kept in memory. */
const CACHED_BLOB = 128 * 1024;

/** Where answers come from. */
export interface AnswerSource {
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly answers: Answers;
}

type Found = Omit<Answer, 'place' | 'version'>;

/** Reads what a target is answered with, and keeps its body; undefined for what the slow path answers. */
export async function loadAnswer(
  from: AnswerSource,
  place: Place,
  target: FastTarget,
  url: string,
): Promise<Answer | undefined> {
  const { version, view } = place;
  if (!view || version === 0) return undefined;
  const found = await loaders[target.kind](from, view, target as never, url);
  return found && { place, version, ...found };
}

type View = NonNullable<Place['view']>;
type Of<K extends FastTarget['kind']> = Extract<FastTarget, { readonly kind: K }>;
type Loader<T> = (from: AnswerSource, view: View, target: T, url: string) => Promise<Found | undefined>;

const manifest: Loader<Of<'manifest'>> = async ({ source, answers }, view, { reference }) => {
  const find = looksLikeDigest(reference) ? findByDigest : findByTag;
  const found = await find(source, view, reference);
  if (!found || found.size > answers.limits.largestBody) return undefined;
  if (!answers.body(found.digest)) answers.keepBody(found.digest, found.bytes);
  return tagged(found.digest, 'no-cache, no-transform', found.mediaType, found.size, []);
};

const blob: Loader<Of<'blob'>> = async ({ source, store, answers }, view, { reference: digest }) => {
  const found = await findBlob(source, view, digest);
  if (!found?.stored) return undefined;
  const small = found.size <= CACHED_BLOB;
  if (small && !answers.body(digest)) {
    const bytes = found.size === 0 ? Buffer.alloc(0) : await store.getBytes(digest, CACHED_BLOB);
    if (bytes.length !== found.size) return undefined;
    answers.keepBody(digest, bytes);
  }
  const head = tagged(digest, BLOB_CACHING, MediaType.octetStream, found.size, ['Accept-Ranges', 'bytes']);
  return { ...head, blobSize: found.size, isStreamed: !small };
};

const referrers: Loader<Of<'referrers'>> = async ({ source, answers }, view, { reference, types }, url) => {
  const { referrers: found, next } = await pageOfReferrers(source, view, reference, { types });
  if (next !== undefined) return undefined;
  const body = renderReferrers(found);
  const filters = types.length > 0 ? ['OCI-Filters-Applied', 'artifactType'] : [];
  return list(answers, view, url, MediaType.ociIndex, body, filters);
};

const tags: Loader<Of<'tags'>> = async ({ source, answers }, view, { name, n, last }, url) => {
  const found = await listTagNames(source, view, last, n + 1);
  const shown = found.slice(0, n);
  const link = found.length > n ? nextLink(`/v2/${name}/tags/list`, { n: String(n), last: shown.at(-1)! }) : undefined;
  const body = Buffer.from(JSON.stringify({ name, tags: shown }));
  return list(answers, view, url, 'application/json', body, link ? ['Link', link] : []);
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
  view: View,
  url: string,
  type: string,
  body: Buffer,
  more: FlatHeaders,
): Found | undefined {
  if (body.length > answers.limits.largestBody) return undefined;
  const bodyKey = `${view.repositoryId} ${url}`;
  answers.keepBody(bodyKey, body);
  return {
    bodyKey,
    headers: [...COMMON, ...more, 'Content-Type', type, 'Content-Length', String(body.length)],
  };
}

const COMMON: FlatHeaders = Object.entries(COMMON_HEADERS).flat();
