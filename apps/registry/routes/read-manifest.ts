import { findByDigest, findByTag, type FoundManifest, type ReadView } from '#content/read/find-manifest.js';
import type { RenderedFallbacks } from '#content/read/rendered-fallbacks.js';
import { isDigest, looksLikeDigest } from '#oci/digest.js';
import { isFallbackTag, isTagName } from '#oci/reference.js';
import { notFound } from '#platform/domain-error.js';

/**
 * The manifest that a reference leads to in a view; undefined when there is none, also for references of no known form.
 * A tag of the referrers tag schema that nobody stored is rendered for clients that know nothing newer.
 */
export async function readManifest(
  fallbacks: RenderedFallbacks,
  view: ReadView,
  reference: string,
): Promise<FoundManifest | undefined> {
  const { source } = fallbacks;
  if (looksLikeDigest(reference)) {
    if (!isDigest(reference)) return undefined;
    return (await findByDigest(source, view, reference)) ?? fallbacks.byDigest(view, reference);
  }
  if (!isTagName(reference)) return undefined;
  const found = await findByTag(source, view, reference);
  return found ?? (isFallbackTag(reference) ? fallbacks.byTag(view, reference) : undefined);
}

/** No such manifest in the view. */
export const manifestUnknown = (reference: string) =>
  notFound('Manifest not found.', 'MANIFEST_UNKNOWN', { reference: reference.slice(0, 160) });
