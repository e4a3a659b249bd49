import type { EntityManager } from 'typeorm';
import { blobsOf, type ParsedManifest, referrerTypeOf } from '#oci/manifest.js';
import { MediaType } from '#oci/media-types.js';
import { preparedIn } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import type { RelationSource } from '../types/relation.entity.js';
import type { ManifestDraft } from './drafts.js';

/** Rows of one statement. */
const BATCH = 250;

/** Ids of content that is already here, by digest. */
export interface KnownContent {
  readonly blobs: ReadonlyMap<string, string>;
  readonly manifests: ReadonlyMap<string, string>;
}

/** {@link insertManifests} of one; its id. */
export async function insertManifest(tx: EntityManager, draft: ManifestDraft, known: KnownContent): Promise<string> {
  return (await insertManifests(tx, [draft], known)).get(draft.digest)!;
}

/**
 * Stores manifests with what they name, and marks those that are here already as used. None may list another one of them
 * that is not known yet. Ids by digest.
 */
export async function insertManifests(
  tx: EntityManager,
  drafts: readonly ManifestDraft[],
  known: KnownContent,
): Promise<Map<string, string>> {
  const distinct = new Map(drafts.map((draft) => [draft.digest, draft]));
  // Writers of the same rows take them in the same order.
  const ordered = [...distinct.keys()].sort().map((digest) => distinct.get(digest)!);
  const ids = new Map<string, string>();
  for (let at = 0; at < ordered.length; at += BATCH)
    for (const { id, digest } of await insertBatch(tx, ordered.slice(at, at + BATCH), known)) ids.set(digest, id);
  return ids;
}

/**
 * What was used within the last minute is held against the collector, but not marked again: many who push tags of one
 * manifest would have to wait for each other.
 */
function insertBatch(
  tx: EntityManager,
  batch: readonly ManifestDraft[],
  known: KnownContent,
): Promise<{ id: string; digest: string }[]> {
  const blobs = batch.flatMap((draft) => blobEdges(draft, known));
  const children = batch.flatMap((draft) => childEdges(draft, known));
  const subjects = batch.flatMap(({ digest, parsed }) =>
    parsed.subjects.map((subject) => ({ digest, subject: subject.digest, parsed })),
  );
  return preparedIn(
    tx,
    'insert-manifests',
    `with used as materialized (
       select m.id, m.digest from manifest m
       where m.digest = any($3::text[]) and m.touched_at > now() - interval '1 minute' order by m.digest for key share),
     made as (
       insert into manifest (id, digest, media_type, schema_version, artifact_type, type, config_blob_id, config_media_type,
         subject_digest, annotations, labels, architecture, os, compressed_image_size, size, bytes)
       select r.* from rows from (jsonb_to_recordset($1::jsonb) as (id uuid, digest text, media_type text, schema_version int,
         artifact_type text, type text, config_blob_id uuid, config_media_type text, subject_digest text, annotations jsonb,
         labels jsonb, architecture text, os text, compressed_image_size bigint, size bigint), unnest($2::bytea[])) as r
       where not exists (select 1 from used where used.digest = r.digest)
       on conflict (digest) do update set touched_at = now() returning id, digest, xmax = 0 as fresh),
     blobs as (
       insert into manifest_blob (manifest_id, position, blob_id)
       select made.id, e.position, e.blob_id from unnest($4::text[], $5::int[], $6::uuid[]) as e(digest, position, blob_id)
       join made on made.digest = e.digest and made.fresh),
     children as (
       insert into manifest_child (manifest_id, position, child_id, platform)
       select made.id, e.position, e.child_id, e.platform::jsonb
       from unnest($7::text[], $8::int[], $9::uuid[], $10::text[]) as e(digest, position, child_id, platform)
       join made on made.digest = e.digest and made.fresh),
     relations as (
       insert into relation (subject_digest, referrer_id, source, artifact_type)
       select e.subject, made.id, e.source, e.type from unnest($11::text[], $12::text[], $13::text[], $14::text[])
         as e(digest, subject, source, type)
       join made on made.digest = e.digest and made.fresh on conflict do nothing)
     select id, digest from made union all select id, digest from used`,
    [
      JSON.stringify(batch.map((draft) => rowOf(draft, known))),
      batch.map(({ bytes }) => Buffer.from(bytes)),
      batch.map(({ digest }) => digest),
      blobs.map(({ digest }) => digest),
      blobs.map(({ position }) => position),
      blobs.map(({ id }) => id),
      children.map(({ digest }) => digest),
      children.map(({ position }) => position),
      children.map(({ id }) => id),
      children.map(({ platform }) => platform),
      subjects.map(({ digest }) => digest),
      subjects.map(({ subject }) => subject),
      subjects.map(({ parsed }) => sourceOf(parsed)),
      subjects.map(({ parsed }) => referrerTypeOf(parsed) ?? null),
    ],
  );
}

function rowOf({ parsed, digest, bytes, facts }: ManifestDraft, known: KnownContent) {
  return {
    id: newId(),
    digest,
    media_type: parsed.mediaType,
    schema_version: 2,
    artifact_type: referrerTypeOf(parsed) ?? null,
    type: facts.type,
    config_blob_id: parsed.config ? (known.blobs.get(parsed.config.digest) ?? null) : null,
    config_media_type: parsed.config?.mediaType ?? null,
    subject_digest: parsed.shape === 'prototype' ? null : (parsed.subjects[0]?.digest ?? null),
    annotations: parsed.annotations,
    labels: facts.labels,
    architecture: facts.architecture,
    os: facts.os,
    compressed_image_size: parsed.shape === 'index' ? null : parsed.layers.reduce((sum, layer) => sum + layer.size, 0),
    size: bytes.length,
  };
}

function blobEdges({ digest, parsed }: ManifestDraft, known: KnownContent) {
  return blobsOf(parsed).flatMap((blob, at) => {
    const id = known.blobs.get(blob.digest);
    return id === undefined ? [] : [{ digest, id, position: parsed.config ? at - 1 : at }];
  });
}

function childEdges({ digest, parsed }: ManifestDraft, known: KnownContent) {
  return parsed.children.flatMap((child, position) => {
    const id = known.manifests.get(child.digest);
    return id === undefined
      ? []
      : [{ digest, id, position, platform: child.platform ? JSON.stringify(child.platform) : null }];
  });
}

function sourceOf(parsed: ParsedManifest): RelationSource {
  if (parsed.shape === 'prototype') return 'prototype';
  return parsed.mediaType === MediaType.orasArtifactManifest ? 'oras' : 'subject';
}
