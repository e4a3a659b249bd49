import type { SignatureDraft } from '#content/push/drafts.js';
import type { ParsedManifest } from '#oci/manifest.js';
import { parseCompanionTag } from '#oci/reference.js';
import { formats } from '../formats/all.js';
import type { Carrier, StoredManifest } from '../formats/signature-format.js';
import { toSignatureDraft } from '../store/signature-draft.js';

/** A prototype artifact may name many targets; it is read for the first ones only. */
const MOST_SUBJECTS = 16;

/** The signatures inside a manifest that refers to a subject or stands behind a companion tag. */
export async function extractSignatures(
  manifest: StoredManifest,
  parsed: ParsedManifest,
  tags: readonly string[],
  fetch: Carrier['fetch'],
): Promise<SignatureDraft[]> {
  if (parsed.shape === 'index') return [];
  const carriers: Carrier[] = parsed.subjects
    .slice(0, MOST_SUBJECTS)
    .map(({ digest }) => ({ manifest, subject: digest, fetch }));
  for (const tag of tags) {
    const companion = parseCompanionTag(tag);
    if (companion) carriers.push({ manifest, subject: companion.subject, tag, fetch });
  }
  const drafts: SignatureDraft[] = [];
  for (const carrier of carriers)
    for (const format of formats)
      for (const { bytes, parsed: claims } of (await format.extract?.(carrier)) ?? [])
        drafts.push(toSignatureDraft(format.name, carrier.subject, bytes, claims));
  return drafts;
}
