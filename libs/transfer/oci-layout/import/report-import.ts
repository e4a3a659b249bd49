import type { ManifestDraft, SignatureDraft } from '#content/push/drafts.js';
import type { MadeVersion } from '#content/versions/apply-change.js';
import { isAttachmentTag } from '#oci/reference.js';
import type { ImportReport } from './import-layout.task.js';
import type { ResolvedLayout } from './resolve-layout.js';
import { isCompanionTag } from './companion-tag.js';

/** Counts what an archive held. */
export function reportOf(
  layout: ResolvedLayout,
  manifests: readonly ManifestDraft[],
  lookaside: readonly SignatureDraft[],
  version: MadeVersion | undefined,
): ImportReport {
  const companions = new Set([...layout.tags].filter(([tag]) => isCompanionTag(tag)).map(([, digest]) => digest));
  const own = manifests.filter(({ parsed, digest }) => parsed.subjects.length === 0 && !companions.has(digest));
  const signatures = [...manifests.flatMap((draft) => draft.signatures), ...lookaside];
  return {
    tags: [...layout.tags.keys()].filter((tag) => !isAttachmentTag(tag)).length,
    images: own.filter(({ parsed }) => parsed.shape === 'image').length,
    indexes: own.filter(({ parsed }) => parsed.shape === 'index').length,
    signatures: signatures.length,
    signaturesByFormat: countFormats(signatures),
    manifests: manifests.length,
    blobs: layout.blobs.size,
    bytes: [...layout.blobs.values()].reduce((sum, blob) => sum + blob.size, 0),
    untagged: layout.untagged,
    version: version?.number ?? null,
  };
}

function countFormats(signatures: readonly SignatureDraft[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { format } of signatures) counts[format] = (counts[format] ?? 0) + 1;
  return counts;
}
