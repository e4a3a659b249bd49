import type { EntityManager } from 'typeorm';
import { insertManifest } from '#content/push/insert-manifests.js';
import { relateByTags } from '#content/push/relate-by-tag.js';
import { insertTag, supersededByMoves, type TagMove } from '#content/push/tags.js';
import { insertBlob, protectDigest } from '#content/uploads/store-blob.js';
import type { UnitRef } from '#content/versions/apply-change.js';
import { closureOf } from '#content/versions/closure.js';
import { blobsOf, parseManifest } from '#oci/manifest.js';
import { parseCompanionTag } from '#oci/reference.js';
import { rowsOf } from '#platform/database.js';
import type { BlobStore } from '#storage/blob-store.js';
import { CheckedBlob } from '#storage/checked-blob.js';
import { type CompanionUnion, unionOf } from './companion-union.js';

/** A companion tag that two repositories have, and lead to different manifests. */
interface Contested {
  /** The tag unit that is copied. */
  readonly unitId: string;
  readonly name: string;
  readonly comingId: string;
  readonly coming: Buffer;
  readonly hereId: string;
  readonly here: Buffer;
  /** Classification of the manifest that is here. */
  readonly type: string;
}

/**
 * The change that copies units into a repository, which is locked, without taking from the signatures that its images have:
 * a companion tag that leads elsewhere here comes to lead to a manifest with the layers of both.
 */
export async function keepCompanions(
  tx: EntityManager,
  store: BlobStore,
  repositoryId: string,
  units: readonly UnitRef[],
): Promise<{ add: UnitRef[]; remove: string[] }> {
  const add = new Map(units.map((unit) => [unit.id, unit]));
  const moves: TagMove[] = [];
  for (const tag of await contested(tx, repositoryId, units)) {
    const union = unionOf(tag.here, tag.coming);
    if (union !== 'coming') add.delete(tag.unitId);
    if (union === 'here') continue;
    const manifestId = union === 'coming' ? tag.comingId : await storeUnion(tx, store, tag, union);
    moves.push({ name: tag.name, manifestId });
    if (union === 'coming') continue;
    const unit: UnitRef = { id: await insertTag(tx, tag.name, manifestId), kind: 'tag', tagName: tag.name };
    for (const each of [unit, ...(await closureOf(tx, [manifestId]))]) add.set(each.id, each);
  }
  await relateByTags(tx, moves);
  return { add: [...add.values()], remove: await supersededByMoves(tx, repositoryId, moves) };
}

async function contested(tx: EntityManager, repositoryId: string, units: readonly UnitRef[]): Promise<Contested[]> {
  const companions = units.filter(({ kind, tagName }) => kind === 'tag' && tagName && parseCompanionTag(tagName));
  if (companions.length === 0) return [];
  return rowsOf<Contested>(
    tx,
    `select t.id as "unitId", t.name, coming.id as "comingId", coming.bytes as coming, here.id as "hereId", here.bytes as here, here.type
     from tag t join manifest coming on coming.id = t.manifest_id
     join membership m on m.repository_id = $1 and m.tag_name = t.name and m.removed_in is null and m.unit_id <> t.id
     join tag present on present.id = m.unit_id join manifest here on here.id = present.manifest_id
     where t.id = any($2::uuid[]) order by t.name`,
    [repositoryId, companions.map(({ id }) => id)],
  );
}

/** Stores a union, which carries the signatures of both. */
async function storeUnion(
  tx: EntityManager,
  store: BlobStore,
  { type, hereId, comingId }: Contested,
  { config, manifest }: CompanionUnion,
): Promise<string> {
  await protectDigest(tx, config.descriptor.digest);
  await store.putAll([CheckedBlob.of(config.descriptor.digest, Buffer.from(config.bytes))]);
  await insertBlob(tx, config.descriptor.digest, config.bytes.length);
  const { bytes, descriptor } = manifest;
  const parsed = parseManifest(bytes, descriptor.mediaType);
  const rows = await rowsOf<{ id: string; digest: string }>(
    tx,
    'select id, digest from blob where digest = any($1::text[]) order by id for key share',
    [blobsOf(parsed).map(({ digest }) => digest)],
  );
  const blobs = new Map(rows.map(({ id, digest }) => [digest, id]));
  const facts = { type, labels: {}, architecture: null, os: null };
  const draft = { parsed, digest: descriptor.digest, bytes, facts, signatures: [] };
  const id = await insertManifest(tx, draft, { blobs, manifests: new Map() });
  await tx.query(
    `insert into signature_carrier (signature_id, carrier_id)
     select distinct signature_id, $1::uuid from signature_carrier where carrier_id = any($2::uuid[]) on conflict do nothing`,
    [id, [hereId, comingId]],
  );
  return id;
}
