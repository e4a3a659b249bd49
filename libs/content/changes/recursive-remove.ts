import type { EntityManager } from 'typeorm';
import { rowsOf } from '#platform/database.js';
import type { UnitRef } from '../versions/apply-change.js';

/**
 * Ids to take out of the newest version when these units go: what they name goes with them unless something that stays
 * needs it (a tag its manifest, an index its listed manifests, a manifest its blobs). Signatures, referrers and companion
 * tags of manifests that go, go too.
 */
export async function selectForRemoval(
  tx: EntityManager,
  repositoryId: string,
  units: readonly UnitRef[],
): Promise<string[]> {
  const tags = new Set(units.filter((unit) => unit.kind === 'tag').map((unit) => unit.id));
  let roots = units.filter((unit) => unit.kind === 'manifest').map((unit) => unit.id);
  roots.push(...(await manifestsBehind(tx, [...tags])));
  let gone: string[] = [];
  for (;;) {
    gone = await removableManifests(tx, repositoryId, roots, [...tags]);
    const attached = await attachmentsOf(tx, repositoryId, gone);
    const more = [
      ...attached.tags.filter((id) => !tags.has(id)),
      ...attached.manifests.filter((id) => !gone.includes(id) && !roots.includes(id)),
    ];
    if (more.length === 0) break;
    for (const id of attached.tags) tags.add(id);
    roots = [...new Set([...roots, ...attached.manifests])];
  }
  const explicit = units.filter((unit) => unit.kind === 'signature').map((unit) => unit.id);
  const namedBlobs = units.filter((unit) => unit.kind === 'blob').map((unit) => unit.id);
  const blobs = await removableBlobs(tx, repositoryId, gone, namedBlobs);
  const signatures = await signaturesOf(tx, repositoryId, gone);
  return [...new Set([...tags, ...gone, ...blobs, ...signatures, ...explicit])];
}

async function manifestsBehind(tx: EntityManager, tagIds: readonly string[]): Promise<string[]> {
  return ids(tx, 'select distinct manifest_id as id from tag where id = any($1::uuid[])', [tagIds]);
}

/** Of the manifests and what they list, those that no staying tag or index needs. */
async function removableManifests(
  tx: EntityManager,
  repositoryId: string,
  roots: readonly string[],
  goingTags: readonly string[],
): Promise<string[]> {
  const rows = await rowsOf<{ id: string; needed: boolean; parents: string[] | null }>(
    tx,
    `with recursive tree(id) as (
       select unnest($2::uuid[]) union select c.child_id from tree t join manifest_child c on c.manifest_id = t.id),
     held as (
       select tree.id from tree join membership m on m.unit_id = tree.id and m.repository_id = $1 and m.removed_in is null),
     listed as (
       select c.child_id, array_agg(c.manifest_id) as parents from held join manifest_child c on c.manifest_id = held.id group by 1)
     select held.id, listed.parents,
       coalesce(
         (select true from tag t join membership m on m.unit_id = t.id and m.repository_id = $1 and m.removed_in is null
          where t.manifest_id = held.id and not t.id = any($3::uuid[]) limit 1),
         (select true from manifest_child c join membership m on m.unit_id = c.manifest_id and m.repository_id = $1 and m.removed_in is null
          where c.child_id = held.id and c.manifest_id not in (select id from held) limit 1),
         false) as needed
     from held left join listed on listed.child_id = held.id`,
    [repositoryId, roots, goingTags],
  );
  const going = new Set(rows.map((row) => row.id));
  for (let changed = true; changed;) {
    changed = false;
    for (const { id, needed, parents } of rows) {
      if (!going.has(id) || !(needed || parents?.some((parent) => !going.has(parent)))) continue;
      going.delete(id);
      changed = true;
    }
  }
  return [...going];
}

/** Referrers whose every subject goes, and tags that only carry attachments of what goes. */
async function attachmentsOf(
  tx: EntityManager,
  repositoryId: string,
  gone: readonly string[],
): Promise<{ manifests: string[]; tags: string[] }> {
  if (gone.length === 0) return { manifests: [], tags: [] };
  const manifests = await ids(
    tx,
    `select distinct l.referrer_id as id from manifest s join relation l on l.subject_digest = s.digest
     join membership m on m.unit_id = l.referrer_id and m.repository_id = $1 and m.removed_in is null
     where s.id = any($2::uuid[]) and not exists (
       select 1 from relation o join manifest os on os.digest = o.subject_digest
       join membership om on om.unit_id = os.id and om.repository_id = $1 and om.removed_in is null
       where o.referrer_id = l.referrer_id and not os.id = any($2::uuid[]))`,
    [repositoryId, gone],
  );
  const tags = await ids(
    tx,
    `select m.unit_id as id from manifest c cross join (values (''), ('.sig'), ('.att'), ('.sbom')) as suffix(text)
     join membership m on m.repository_id = $1 and m.removed_in is null
       and m.tag_name = replace(left(c.digest, 71), ':', '-') || suffix.text
     where c.id = any($2::uuid[])`,
    [repositoryId, gone],
  );
  return { manifests: [...new Set([...manifests, ...(await manifestsBehind(tx, tags))])], tags };
}

/**
 * Blobs of the manifests, and blobs named, that no staying manifest needs. One that stays is enough to keep a blob, so the
 * search for it, newest first, ends at the first: a layer that thousands share costs no more than one that two share.
 */
async function removableBlobs(
  tx: EntityManager,
  repositoryId: string,
  gone: readonly string[],
  named: readonly string[] = [],
): Promise<string[]> {
  return ids(
    tx,
    `select b.id from (
       select blob_id as id from manifest_blob where manifest_id = any($2::uuid[]) union select unnest($3::uuid[])) b
     join membership m on m.unit_id = b.id and m.repository_id = $1 and m.removed_in is null
     where (
       select o.manifest_id from manifest_blob o
       join membership om on om.unit_id = o.manifest_id and om.repository_id = $1 and om.removed_in is null
       where o.blob_id = b.id and not o.manifest_id = any($2::uuid[]) order by o.manifest_id desc limit 1) is null`,
    [repositoryId, gone, named],
  );
}

async function signaturesOf(tx: EntityManager, repositoryId: string, gone: readonly string[]): Promise<string[]> {
  return ids(
    tx,
    `select g.id from manifest c join signature g on g.manifest_digest = c.digest
     join membership m on m.unit_id = g.id and m.repository_id = $1 and m.removed_in is null where c.id = any($2::uuid[])
     union
     select k.signature_id from signature_carrier k
     join membership m on m.unit_id = k.signature_id and m.repository_id = $1 and m.removed_in is null
     where k.carrier_id = any($2::uuid[]) and not exists (
       select 1 from signature_carrier o join membership om on om.unit_id = o.carrier_id and om.repository_id = $1 and om.removed_in is null
       where o.signature_id = k.signature_id and not o.carrier_id = any($2::uuid[]))`,
    [repositoryId, gone],
  );
}

async function ids(tx: EntityManager, text: string, values: readonly unknown[]): Promise<string[]> {
  return (await rowsOf<{ id: string }>(tx, text, values)).map((row) => row.id);
}
