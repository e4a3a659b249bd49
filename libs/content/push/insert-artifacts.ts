import type { EntityManager } from 'typeorm';
import { blobsOf, referrerTypeOf } from '#oci/manifest.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import type { ManifestDraft } from './drafts.js';
import type { KnownContent } from './insert-manifest.js';

/** Rows of one statement. */
const BATCH = 250;

/**
 * Stores manifests that carry signatures: blobs and at most one subject, no listed manifests. Much like inserting one
 * after the other, at the cost of a few statements. Ids by digest; the blobs of all must be known.
 */
export async function insertArtifacts(
  tx: EntityManager,
  drafts: readonly ManifestDraft[],
  known: KnownContent,
): Promise<Map<string, string>> {
  const distinct = new Map(drafts.map((draft) => [draft.digest, draft]));
  // Writers of the same rows take them in the same order.
  const ordered = [...distinct.keys()].sort().map((digest) => distinct.get(digest)!);
  const ids = new Map<string, string>();
  for (let at = 0; at < ordered.length; at += BATCH) {
    const batch = ordered.slice(at, at + BATCH);
    const rows = await insertRows(tx, batch, known);
    for (const { id, digest } of rows) ids.set(digest, id);
    const fresh = new Set(rows.filter((row) => row.fresh).map((row) => row.digest));
    const added = batch.filter(({ digest }) => fresh.has(digest));
    await insertBlobEdges(tx, added, ids, known);
    await insertSubjects(tx, added, ids);
  }
  return ids;
}

function insertRows(
  tx: EntityManager,
  batch: readonly ManifestDraft[],
  known: KnownContent,
): Promise<{ id: string; digest: string; fresh: boolean }[]> {
  const rows = batch.map(({ parsed, digest, bytes, facts }) => ({
    id: newId(),
    digest,
    media_type: parsed.mediaType,
    schema_version: 2,
    artifact_type: referrerTypeOf(parsed) ?? null,
    type: facts.type,
    config_blob_id: parsed.config ? known.blobs.get(parsed.config.digest) : null,
    config_media_type: parsed.config?.mediaType ?? null,
    subject_digest: parsed.subjects[0]?.digest ?? null,
    annotations: parsed.annotations,
    labels: facts.labels,
    architecture: facts.architecture,
    os: facts.os,
    compressed_image_size: parsed.layers.reduce((sum, layer) => sum + layer.size, 0),
    size: bytes.length,
  }));
  return rowsOf(
    tx,
    `insert into manifest (id, digest, media_type, schema_version, artifact_type, type, config_blob_id, config_media_type,
       subject_digest, annotations, labels, architecture, os, compressed_image_size, size, bytes)
     select * from rows from (jsonb_to_recordset($1::jsonb) as (id uuid, digest text, media_type text, schema_version int,
       artifact_type text, type text, config_blob_id uuid, config_media_type text, subject_digest text, annotations jsonb,
       labels jsonb, architecture text, os text, compressed_image_size bigint, size bigint), unnest($2::bytea[])) as row
     on conflict (digest) do update set touched_at = now() returning id, digest, xmax = 0 as fresh`,
    [JSON.stringify(rows), batch.map(({ bytes }) => Buffer.from(bytes))],
  );
}

async function insertBlobEdges(
  tx: EntityManager,
  drafts: readonly ManifestDraft[],
  ids: ReadonlyMap<string, string>,
  known: KnownContent,
): Promise<void> {
  const edges = drafts.flatMap(({ digest, parsed }) =>
    blobsOf(parsed).map((blob, at) => ({
      manifest: ids.get(digest)!,
      position: parsed.config ? at - 1 : at,
      blob: known.blobs.get(blob.digest)!,
    })),
  );
  if (edges.length === 0) return;
  await tx.query(
    `insert into manifest_blob (manifest_id, position, blob_id) select * from unnest($1::uuid[], $2::int[], $3::uuid[])`,
    [edges.map((edge) => edge.manifest), edges.map((edge) => edge.position), edges.map((edge) => edge.blob)],
  );
}

async function insertSubjects(
  tx: EntityManager,
  drafts: readonly ManifestDraft[],
  ids: ReadonlyMap<string, string>,
): Promise<void> {
  const relations = drafts.flatMap(({ digest, parsed }) =>
    parsed.subjects.map((subject) => ({
      subject: subject.digest,
      referrer: ids.get(digest)!,
      type: referrerTypeOf(parsed) ?? null,
    })),
  );
  if (relations.length === 0) return;
  await tx.query(
    `insert into relation (subject_digest, referrer_id, source, artifact_type)
     select r.subject, r.referrer, 'subject', r.type from unnest($1::text[], $2::uuid[], $3::text[]) as r(subject, referrer, type)
     on conflict do nothing`,
    [relations.map((each) => each.subject), relations.map((each) => each.referrer), relations.map((each) => each.type)],
  );
}
