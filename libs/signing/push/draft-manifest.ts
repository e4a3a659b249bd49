import type { DataSource } from 'typeorm';
import type { ManifestDraft } from '#content/push/drafts.js';
import { findBlob, type ReadView } from '#content/read/find-manifest.js';
import { recentBlob, rememberBlob } from '#content/uploads/recent-blobs.js';
import type { Descriptor } from '#oci/descriptor.js';
import { algorithmOf, digestOf, isDigest, looksLikeDigest } from '#oci/digest.js';
import { ManifestError, type ParsedManifest, parseManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-types.js';
import { invalid, isDomainError, notFound } from '#platform/domain-error.js';
import type { BlobStore } from '#storage/blob-store.js';
import { extractSignatures } from './extract-signatures.js';
import { imageFacts, readConfigFacts } from './image-facts.js';

/** Where a manifest's config and layers are read. */
export interface DraftSource {
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly view: ReadView;
}

/** Largest config that facts are read from. */
const CONFIG_LIMIT = 4 * 1024 * 1024;

/** Parses a pushed manifest; throws MANIFEST_INVALID with the member that is wrong. */
export function parsePushed(bytes: Uint8Array, contentType: string | undefined): ParsedManifest {
  try {
    return parseManifest(bytes, contentType);
  } catch (error) {
    if (error instanceof ManifestError)
      throw invalid(error.message, error.path || undefined, 'MANIFEST_INVALID', { path: error.path });
    throw error;
  }
}

/** The digest of pushed bytes: what the reference asks for, which must be theirs, else sha256. */
export function digestOfPushed(bytes: Uint8Array, reference: string): string {
  if (!looksLikeDigest(reference)) return digestOf(bytes);
  if (!isDigest(reference))
    throw invalid('The digest is not a sha256 or sha512 digest.', 'digest', 'DIGEST_INVALID', {
      digest: reference.slice(0, 140),
    });
  const actual = digestOf(bytes, algorithmOf(reference));
  if (actual !== reference)
    throw invalid('The bytes do not have the digest of the reference.', 'digest', 'DIGEST_INVALID', {
      expected: reference,
      actual,
    });
  return actual;
}

/** Everything that is stored of a manifest: facts from its config and the signatures that it carries. */
export async function draftManifest(
  from: DraftSource,
  manifest: { readonly bytes: Uint8Array; readonly digest: string; readonly parsed: ParsedManifest },
  tags: readonly string[],
): Promise<ManifestDraft> {
  const { bytes, digest, parsed } = manifest;
  const fetch = (descriptor: Descriptor, limit: number) => readContent(from, descriptor, limit);
  const stored = { mediaType: parsed.mediaType, digest, size: bytes.length, bytes };
  const signatures = await extractSignatures(stored, parsed, tags, fetch);
  return { parsed, digest, bytes, signatures, facts: imageFacts(parsed, await configFacts(from, parsed)) };
}

async function configFacts(from: DraftSource, { shape, config }: ParsedManifest) {
  if (shape !== 'image' || !config || config.mediaType === MediaType.ociEmpty) return undefined;
  try {
    return readConfigFacts(await readContent(from, config, CONFIG_LIMIT));
  } catch (error) {
    // What is missing is refused when the manifest is stored; what is too large only shows no facts.
    if (isDomainError(error) && (error.kind === 'not-found' || error.kind === 'too-large')) return undefined;
    throw error;
  }
}

/** Bytes of a blob that the repository has. */
async function readContent({ source, store, view }: DraftSource, descriptor: Descriptor, limit: number) {
  const { repositoryId } = view;
  const recent = recentBlob(repositoryId, descriptor.digest);
  if (recent && recent.length <= limit) return recent;
  const blob = await findBlob(source, view, descriptor.digest);
  if (!blob?.stored) throw notFound(`The blob ${descriptor.digest} is not in this repository.`, 'BLOB_UNKNOWN');
  const bytes = await store.getBytes(blob.digest, limit);
  rememberBlob(repositoryId, blob.digest, bytes);
  return bytes;
}
