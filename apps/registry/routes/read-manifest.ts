import type { DataSource } from 'typeorm';
import { findByDigest, findByTag, type FoundManifest, type ReadView } from '#content/read/find-manifest.js';
import { findRenderedFallback, renderFallbackTag } from '#content/read/rendered-fallback.js';
import { isDigest, looksLikeDigest } from '#oci/digest.js';
import { isFallbackTag, isTagName } from '#oci/reference.js';
import { notFound } from '#platform/domain-error.js';

/**
 * The manifest that a reference leads to in a view; undefined when there is none, also for references of no known form.
 * A tag of the referrers tag schema that nobody stored is rendered for clients that know nothing newer.
 */
export async function readManifest(
  source: DataSource,
  view: ReadView,
  reference: string,
): Promise<FoundManifest | undefined> {
  if (looksLikeDigest(reference)) {
    if (!isDigest(reference)) return undefined;
    return (await findByDigest(source, view, reference)) ?? findRenderedFallback(source, view, reference);
  }
  if (!isTagName(reference)) return undefined;
  const found = await findByTag(source, view, reference);
  return found ?? (isFallbackTag(reference) ? renderFallbackTag(source, view, reference) : undefined);
}

/** No such manifest in the view. */
export const manifestUnknown = (reference: string) =>
  notFound('Manifest not found.', 'MANIFEST_UNKNOWN', { reference: reference.slice(0, 160) });
