import type { DataSource } from 'typeorm';
import type { ManifestDraft } from '#content/push/drafts.js';
import { isPlainImage, storeImage } from '#content/push/store-images.js';
import { type ManifestPush, storeManifest, type StoredPush } from '#content/push/store-manifest.js';
import type { TagCondition } from '#content/push/tags.js';
import { findByTag, type FoundManifest } from '#content/read/find-manifest.js';
import { protectDigest, stageBlobs } from '#content/uploads/store-blob.js';
import { looksLikeDigest } from '#oci/digest.js';
import { isTagName, parseCompanionTag } from '#oci/reference.js';
import { parseManifest, type ParsedManifest, readStoredManifest } from '#oci/manifest.js';
import { isUniqueViolation } from '#platform/database.js';
import { conflict, invalid, isDomainError } from '#platform/domain-error.js';
import { commitEarly, durable } from '#platform/durability.js';
import { mergeCompanionManifests } from '../formats/cosign/merge.js';
import { layerKey } from '../formats/cosign/wrap.js';
import { digestOfPushed, draftManifest, type DraftSource, parsePushed } from './draft-manifest.js';

/** A manifest as a client sends it. */
export interface ManifestUpload {
  readonly bytes: Uint8Array;
  readonly contentType: string | undefined;
  /** Tag or digest of the request. */
  readonly reference: string;
  /** Further tags for a push by digest. */
  readonly tags?: readonly string[];
  /** What the tags must point to before. */
  readonly expected?: TagCondition['expected'] | undefined;
}

/** What a push did. */
export interface PushedManifest extends StoredPush {
  /** Digest of the bytes that were sent. */
  readonly digest: string;
  readonly subject?: string;
  readonly tags: readonly string[];
}

const MOST_TAGS = 100;
const MOST_MERGES = 100;

/**
 * Takes a manifest in: parses, checks the digest, reads facts and signatures, and stores it with its tags in one version.
 * A companion tag that somebody else moved meanwhile keeps the layers of both.
 */
export async function pushManifest(into: DraftSource, upload: ManifestUpload): Promise<PushedManifest> {
  const tags = tagsOf(upload);
  const parsed = parsePushed(upload.bytes, upload.contentType);
  const digest = digestOfPushed(upload.bytes, upload.reference);
  const draft = await draftManifest(into, { bytes: upload.bytes, digest, parsed }, tags);
  const [tag] = tags;
  const companion = tags.length === 1 && tag !== undefined && parseCompanionTag(tag) && upload.expected === undefined;
  const stored = companion
    ? await pushCompanion(into, draft, tag)
    : await store(into, { draft, tags }, upload.expected);
  const subject = parsed.shape === 'prototype' ? undefined : parsed.subjects[0]?.digest;
  return { ...stored, digest, tags, ...(subject ? { subject } : {}) };
}

function tagsOf({ reference, tags = [] }: ManifestUpload): string[] {
  const all = [...new Set(looksLikeDigest(reference) ? tags : [reference, ...tags])];
  if (all.length > MOST_TAGS) throw invalid(`At most ${MOST_TAGS} tags can be set at once.`, 'tag', 'TAG_INVALID');
  for (const tag of all)
    if (!isTagName(tag))
      throw invalid('The tag is not valid: at most 128 letters, digits, _, . and -.', 'tag', 'TAG_INVALID', {
        tag: tag.slice(0, 140),
      });
  return all;
}

interface Entry {
  readonly draft: ManifestDraft;
  readonly tags: readonly string[];
  /** Stored in the same version without a tag. */
  readonly alongside?: readonly ManifestDraft[];
  /** A config that the server made. */
  readonly config?: { readonly digest: string; readonly size: number };
}

async function store(into: DraftSource, entry: Entry, expected?: TagCondition['expected']): Promise<StoredPush> {
  const { repositoryId } = into.view;
  const { config, ...manifest } = entry;
  const conditions = expected === undefined ? [] : entry.tags.map((tag) => ({ tag, expected }));
  const push = { repositoryId, conditions, ...manifest };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const stored = isPlainImage(push)
        ? await storeImage(into.source, push)
        : await storeAlone(into.source, push, config);
      await durable(into.source);
      return stored;
    } catch (error) {
      if (attempt >= 5 || !isUniqueViolation(error)) throw error;
    }
  }
}

function storeAlone(source: DataSource, push: ManifestPush, config: Entry['config']): Promise<StoredPush> {
  return commitEarly(source, async (tx) => {
    if (config) {
      await protectDigest(tx, config.digest);
      await stageBlobs(tx, [{ repositoryId: push.repositoryId, ...config }]);
    }
    return storeManifest(tx, push);
  });
}

/** Moves a companion tag only from what was read, and to the union with it; tries again when somebody was faster. */
async function pushCompanion(into: DraftSource, draft: ManifestDraft, tag: string): Promise<StoredPush> {
  for (let attempt = 1; attempt <= MOST_MERGES; attempt += 1) {
    const current = await findByTag(into.source, into.view, tag);
    const merged = current && lacksLayers(draft.parsed, current) ? await merge(into, current, draft, tag) : undefined;
    try {
      return await store(into, merged ?? { draft, tags: [tag] }, current ? [current.digest] : null);
    } catch (error) {
      if (!isDomainError(error) || error.kind !== 'precondition-failed') throw error;
      await new Promise((done) => setTimeout(done, Math.random() * Math.min(200, 10 * attempt)));
    }
  }
  throw conflict(`Too many writers of the tag ${tag}; push again.`);
}

function lacksLayers(pushed: ParsedManifest, current: FoundManifest): boolean {
  const has = new Set(pushed.layers.map(layerKey));
  const stored = readStoredManifest(current.bytes, current.mediaType);
  return stored?.layers.some((layer) => !has.has(layerKey(layer))) ?? false;
}

async function merge(
  into: DraftSource,
  current: FoundManifest,
  pushed: ManifestDraft,
  tag: string,
): Promise<Entry | undefined> {
  const union = mergeCompanionManifests(current.bytes, pushed.bytes);
  if (!union) return undefined;
  const { digest, size } = union.config.descriptor;
  await into.store.putBytes(digest, Buffer.from(union.config.bytes));
  const { bytes } = union.manifest;
  const manifest = { bytes, digest: union.manifest.descriptor.digest, parsed: parseManifest(bytes) };
  const draft = await draftManifest(into, manifest, [tag]);
  return { draft, tags: [tag], alongside: [pushed], config: { digest, size } };
}
