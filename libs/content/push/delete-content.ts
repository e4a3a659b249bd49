import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { applyChange, lockRepository, touchRepository, type MadeVersion } from '../versions/apply-change.js';
import { refreshFallbacks } from './fallback-index.js';
import { stage } from './store-manifest.js';
import { requireTags, supersededSignatures, type TagCondition } from './tags.js';

/** The unit that no signature is carried over to. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/**
 * Takes a tag out of the newest version; what it pointed to stays. Throws MANIFEST_UNKNOWN, and precondition-failed when it
 * points to something else than expected.
 */
export async function deleteTag(
  tx: EntityManager,
  repositoryId: string,
  tag: string,
  expected?: TagCondition['expected'],
): Promise<MadeVersion | undefined> {
  await lockRepository(tx, repositoryId);
  const [row] = await rowsOf<{ id: string }>(
    tx,
    'select unit_id as id from membership where repository_id = $1 and tag_name = $2 and removed_in is null',
    [repositoryId, tag],
  );
  if (!row) throw notFound('Manifest not found.', 'MANIFEST_UNKNOWN', { reference: tag.slice(0, 160) });
  if (expected !== undefined) await requireTags(tx, repositoryId, [{ tag, expected }]);
  const signatures = await supersededSignatures(tx, repositoryId, [tag], NOBODY);
  return applyChange(tx, repositoryId, { remove: [row.id, ...signatures] });
}

/**
 * Takes a manifest out of the newest version, with its tags and its signatures. Blobs that nothing else there names leave
 * the version too and wait in the staging, so that a client can delete them next. Throws MANIFEST_UNKNOWN.
 */
export async function deleteManifest(
  tx: EntityManager,
  repositoryId: string,
  digest: string,
): Promise<MadeVersion | undefined> {
  await lockRepository(tx, repositoryId);
  const manifest = await requireManifest(tx, repositoryId, digest);
  await tx.query('delete from staged where repository_id = $1 and unit_id = $2', [repositoryId, manifest.id]);
  const tags = await tagsOf(tx, repositoryId, manifest.id);
  const signatures = await signaturesOf(tx, repositoryId, digest, manifest.id);
  const blobs = await orphanedBlobs(tx, repositoryId, manifest.id);
  const subjects = await subjectsOf(tx, manifest.id);
  const fallbacks = await refreshFallbacks(tx, repositoryId, subjects, { going: [manifest.id] });
  const remove = [manifest.id, ...tags, ...signatures, ...blobs, ...fallbacks.remove];
  const version = await applyChange(tx, repositoryId, { add: fallbacks.add, remove });
  await stage(
    tx,
    repositoryId,
    blobs.map((id) => ({ id, kind: 'blob' })),
  );
  if (manifest.staged) await touchRepository(tx, repositoryId);
  return version;
}

/** Takes a blob out of the newest version and the staging. Throws BLOB_UNKNOWN. */
export async function deleteBlob(
  tx: EntityManager,
  repositoryId: string,
  digest: string,
): Promise<MadeVersion | undefined> {
  await lockRepository(tx, repositoryId);
  const [row] = await rowsOf<{ id: string }>(
    tx,
    `select c.id from blob c where c.digest = $2
       and (exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = c.id and m.removed_in is null)
         or exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = c.id))`,
    [repositoryId, digest],
  );
  if (!row) throw notFound('Blob not found.', 'BLOB_UNKNOWN', { digest });
  await tx.query('delete from staged where repository_id = $1 and unit_id = $2', [repositoryId, row.id]);
  const version = await applyChange(tx, repositoryId, { remove: [row.id] });
  if (!version) await touchRepository(tx, repositoryId);
  return version;
}

async function requireManifest(
  tx: EntityManager,
  repositoryId: string,
  digest: string,
): Promise<{ id: string; staged: boolean }> {
  const [row] = await rowsOf<{ id: string; member: boolean; staged: boolean }>(
    tx,
    `select c.id,
       exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = c.id and m.removed_in is null) as member,
       exists (select 1 from staged s where s.repository_id = $1 and s.unit_id = c.id) as staged
     from manifest c where c.digest = $2`,
    [repositoryId, digest],
  );
  if (!row || !(row.member || row.staged))
    throw notFound('Manifest not found.', 'MANIFEST_UNKNOWN', { reference: digest });
  return row;
}

function tagsOf(tx: EntityManager, repositoryId: string, manifestId: string): Promise<string[]> {
  return ids(
    tx,
    `select t.id from tag t join membership m on m.unit_id = t.id
     where t.manifest_id = $2 and m.repository_id = $1 and m.removed_in is null`,
    [repositoryId, manifestId],
  );
}

/** Signatures of the manifest, and those that it carries alone. */
async function signaturesOf(
  tx: EntityManager,
  repositoryId: string,
  digest: string,
  manifestId: string,
): Promise<string[]> {
  const here = `exists (select 1 from membership m where m.repository_id = $1 and m.unit_id = g.id and m.removed_in is null)`;
  await tx.query(
    `delete from staged s using signature g where s.repository_id = $1 and s.unit_id = g.id and g.manifest_digest = $2`,
    [repositoryId, digest],
  );
  return ids(
    tx,
    `select g.id from signature g where g.manifest_digest = $2 and ${here}
     union select g.id from signature g join signature_carrier k on k.signature_id = g.id
     where k.carrier_id = $3 and ${here} and not exists (
       select 1 from signature_carrier o join membership c on c.unit_id = o.carrier_id
       where o.signature_id = g.id and o.carrier_id <> $3 and c.repository_id = $1 and c.removed_in is null)`,
    [repositoryId, digest, manifestId],
  );
}

function orphanedBlobs(tx: EntityManager, repositoryId: string, manifestId: string): Promise<string[]> {
  return ids(
    tx,
    `select distinct b.blob_id as id from manifest_blob b
     join membership m on m.unit_id = b.blob_id and m.repository_id = $1 and m.removed_in is null
     where b.manifest_id = $2 and not exists (
       select 1 from manifest_blob o join membership c on c.unit_id = o.manifest_id
       where o.blob_id = b.blob_id and o.manifest_id <> $2 and c.repository_id = $1 and c.removed_in is null)`,
    [repositoryId, manifestId],
  );
}

/** Subjects that the manifest refers to. */
async function subjectsOf(tx: EntityManager, manifestId: string): Promise<string[]> {
  const rows = await rowsOf<{ subject: string }>(
    tx,
    `select subject_digest as subject from relation where referrer_id = $1 and source <> 'cosign-tag'`,
    [manifestId],
  );
  return rows.map(({ subject }) => subject);
}

async function ids(tx: EntityManager, text: string, values: readonly unknown[]): Promise<string[]> {
  return (await rowsOf<{ id: string }>(tx, text, values)).map((row) => row.id);
}
