import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { fallbackTagOf } from '#oci/reference.js';
import { queryPrepared } from '#platform/database.js';
import type { FoundManifest, ReadView } from './find-manifest.js';
import { pageOfReferrers } from './page-of-referrers.js';
import { renderReferrers } from './render-referrers.js';

/** Which subject an index that was rendered here is about, so that it is found again by its digest. */
const rendered = new LRUCache<string, string>({ max: 10_000 });

/** The index of referrers for a tag of the referrers tag schema that is not stored; undefined when nothing refers. */
export async function renderFallbackTag(
  source: DataSource,
  view: ReadView,
  tag: string,
): Promise<FoundManifest | undefined> {
  const subject = tag.startsWith('sha256-') ? tag.replace('-', ':') : await longSubject(source, tag);
  if (subject === undefined || fallbackTagOf(subject) !== tag) return undefined;
  return renderSubject(source, view, subject);
}

/** An index that {@link renderFallbackTag} gave out, when it is still what would be given out. */
export async function findRenderedFallback(
  source: DataSource,
  view: ReadView,
  digest: string,
): Promise<FoundManifest | undefined> {
  const subject = rendered.get(`${view.repositoryId} ${digest}`);
  const found = subject === undefined ? undefined : await renderSubject(source, view, subject);
  return found?.digest === digest ? found : undefined;
}

async function renderSubject(source: DataSource, view: ReadView, subject: string): Promise<FoundManifest | undefined> {
  // More than one page is more than any client reads of a manifest.
  const { referrers } = await pageOfReferrers(source, view, subject);
  if (referrers.length === 0) return undefined;
  const bytes = renderReferrers(referrers);
  const digest = digestOf(bytes);
  rendered.set(`${view.repositoryId} ${digest}`, subject);
  return { id: digest, digest, mediaType: MediaType.ociIndex, size: bytes.length, bytes };
}

/** A sha512 digest is cut in the tag. */
async function longSubject(source: DataSource, tag: string): Promise<string | undefined> {
  const prefix = tag.replace('-', ':');
  const [row] = await queryPrepared<{ subject: string }>(
    source,
    'subject-by-prefix',
    'select subject_digest as subject from relation where subject_digest > $1 and subject_digest < $2 limit 1',
    [prefix, `${prefix}g`],
  );
  return row?.subject;
}
