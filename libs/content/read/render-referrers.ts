import { MediaType } from '#oci/media-types.js';
import type { FoundReferrer } from './find-referrers.js';

/** A referrer as an index lists it; type and annotations are those of the manifest itself. */
export type ListedReferrer = Pick<FoundReferrer, 'mediaType' | 'digest' | 'size' | 'artifactType' | 'annotations'>;

/** The descriptor of a referrer (OCI distribution-spec, "Listing Referrers"). */
export function referrerDescriptor({ mediaType, digest, size, artifactType, annotations }: ListedReferrer): object {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === null ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** The index of referrers, byte for byte the same for the same list. */
export function renderReferrers(referrers: readonly ListedReferrer[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: referrers.map(referrerDescriptor),
    }),
  );
}
