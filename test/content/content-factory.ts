import { randomBytes } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { digestOf } from '#oci/digest.js';
import { parseManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-types.js';
import { newId } from '#platform/identifiers.js';
import type { ManifestDraft } from '#content/push/drafts.js';
import { stageBlobs } from '#content/uploads/store-blob.js';
import { createRepository } from '#content/versions/create-repository.js';

/** A repository with a random name. */
export function makeRepository(source: DataSource, fields: { retainRepoVersions?: number } = {}): Promise<string> {
  return source.transaction((tx) => createRepository(tx, { type: 'container-push', name: `r-${newId()}`, ...fields }));
}

/** A draft of a JSON document, as a push would make it. */
export function draftOf(document: unknown, contentType?: string): ManifestDraft {
  const bytes = Buffer.from(JSON.stringify(document));
  const facts = { type: 'image', labels: {}, architecture: null, os: null };
  return { parsed: parseManifest(bytes, contentType), digest: digestOf(bytes), bytes, facts, signatures: [] };
}

/** An image draft whose blobs are staged in the repository. */
export async function makeImage(
  tx: EntityManager,
  repositoryId: string,
  options: { layers?: number; subject?: ManifestDraft; artifactType?: string; blobs?: Buffer[] } = {},
): Promise<ManifestDraft> {
  const blobs = options.blobs ?? Array.from({ length: (options.layers ?? 1) + 1 }, () => randomBytes(16));
  const [config, ...layers] = await Promise.all(blobs.map((bytes) => describeBlob(tx, repositoryId, bytes)));
  return draftOf({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    ...(options.artifactType ? { artifactType: options.artifactType } : {}),
    config: { ...config, mediaType: MediaType.ociConfig },
    layers: layers.map((layer) => ({ ...layer, mediaType: MediaType.ociLayer })),
    ...(options.subject ? { subject: describe(options.subject) } : {}),
  });
}

/** An index draft over drafts. */
export function makeIndex(children: readonly ManifestDraft[]): ManifestDraft {
  return draftOf({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: children.map(describe) });
}

/** The descriptor of a draft. */
export function describe(draft: ManifestDraft) {
  return { mediaType: draft.parsed.mediaType, digest: draft.digest, size: draft.bytes.length };
}

async function describeBlob(tx: EntityManager, repositoryId: string, bytes: Buffer) {
  const digest = digestOf(bytes);
  await stageBlobs(tx, [{ repositoryId, digest, size: bytes.length }]);
  return { digest, size: bytes.length };
}
