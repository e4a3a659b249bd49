import type { EntityManager } from 'typeorm';
import { blobsOf, type ParsedManifest, referrerTypeOf } from '#oci/manifest.js';
import { MediaType } from '#oci/media-types.js';
import { parseCompanionTag } from '#oci/reference.js';
import { preparedIn } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import type { RelationSource } from '../types/relation.entity.js';
import type { ManifestDraft } from './drafts.js';

/** Ids of content that is already here, by digest. */
export interface KnownContent {
  readonly blobs: ReadonlyMap<string, string>;
  readonly manifests: ReadonlyMap<string, string>;
}

/** Stores a manifest's row with what it names; an existing one is only marked as used. Returns its id. */
export async function insertManifest(tx: EntityManager, draft: ManifestDraft, known: KnownContent): Promise<string> {
  const { parsed, facts } = draft;
  const [row] = await preparedIn<{ id: string; fresh: boolean }>(
    tx,
    'insert-manifest',
    `insert into manifest (id, digest, media_type, schema_version, artifact_type, type, config_blob_id, config_media_type,
       subject_digest, annotations, labels, architecture, os, compressed_image_size, size, bytes)
     values ($1, $2, $3, 2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
     on conflict (digest) do update set touched_at = now() returning id, xmax = 0 as fresh`,
    [
      newId(),
      draft.digest,
      parsed.mediaType,
      referrerTypeOf(parsed) ?? null,
      facts.type,
      parsed.config ? (known.blobs.get(parsed.config.digest) ?? null) : null,
      parsed.config?.mediaType ?? null,
      parsed.shape === 'prototype' ? null : (parsed.subjects[0]?.digest ?? null),
      parsed.annotations,
      facts.labels,
      facts.architecture,
      facts.os,
      parsed.shape === 'index' ? null : parsed.layers.reduce((sum, layer) => sum + layer.size, 0),
      draft.bytes.length,
      Buffer.from(draft.bytes),
    ],
  );
  const { id, fresh } = row!;
  if (fresh) await insertEdges(tx, id, parsed, known);
  return id;
}

async function insertEdges(tx: EntityManager, id: string, parsed: ParsedManifest, known: KnownContent): Promise<void> {
  const blobs = blobsOf(parsed).map((blob, at) => ({
    id: known.blobs.get(blob.digest),
    position: parsed.config ? at - 1 : at,
  }));
  const present = blobs.filter((blob) => blob.id !== undefined);
  if (present.length > 0)
    await preparedIn(
      tx,
      'insert-manifest-blobs',
      `insert into manifest_blob (manifest_id, position, blob_id) select $1, * from unnest($2::int[], $3::uuid[])`,
      [id, present.map((blob) => blob.position), present.map((blob) => blob.id)],
    );
  const children = parsed.children.flatMap((child, position) => {
    const childId = known.manifests.get(child.digest);
    return childId === undefined
      ? []
      : [{ childId, position, platform: child.platform ? JSON.stringify(child.platform) : null }];
  });
  if (children.length > 0)
    await tx.query(
      `insert into manifest_child (manifest_id, position, child_id, platform) select $1, p, c, f::jsonb from unnest($2::int[], $3::uuid[], $4::text[]) as t(p, c, f)`,
      [
        id,
        children.map((child) => child.position),
        children.map((child) => child.childId),
        children.map((child) => child.platform),
      ],
    );
  for (const subject of parsed.subjects) await relate(tx, subject.digest, id, sourceOf(parsed), referrerTypeOf(parsed));
}

/** Records that a manifest refers to a subject; repeating it changes nothing. */
export async function relate(
  tx: EntityManager,
  subjectDigest: string,
  referrerId: string,
  source: RelationSource,
  artifactType: string | undefined,
): Promise<void> {
  await tx.query(
    `insert into relation (subject_digest, referrer_id, source, artifact_type) values ($1, $2, $3, $4) on conflict do nothing`,
    [subjectDigest, referrerId, source, artifactType ?? null],
  );
}

/** Records the relation that only a companion tag's name tells. */
export async function relateByTag(tx: EntityManager, tag: string, referrerId: string): Promise<void> {
  const companion = parseCompanionTag(tag);
  if (companion) await relate(tx, companion.subject, referrerId, 'cosign-tag', undefined);
}

function sourceOf(parsed: ParsedManifest): RelationSource {
  if (parsed.shape === 'prototype') return 'prototype';
  return parsed.mediaType === MediaType.orasArtifactManifest ? 'oras' : 'subject';
}
