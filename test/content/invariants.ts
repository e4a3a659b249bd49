import type { DataSource } from 'typeorm';
import { BlobBytes } from '#content/bytes/blob-bytes.js';
import { rowsOf } from '#platform/database.js';
import { algorithmOf, digestOf } from '#oci/digest.js';
import type { BlobStore } from '#storage/blob-store.js';

/** What must be empty at any time. Each query gives one line for each broken thing. */
const RULES: Readonly<Record<string, string>> = {
  'a tag resolves': `select t.name || ' in ' || m.repository_id as broken from membership m join tag t on t.id = m.unit_id
     left join manifest c on c.id = t.manifest_id where m.kind = 'tag' and (c.id is null or not exists (
       select 1 from membership o where o.repository_id = m.repository_id and o.unit_id = t.manifest_id
         and o.added_in <= m.added_in and (o.removed_in is null or o.removed_in >= coalesce(m.removed_in, 2147483647))
     ) and m.removed_in is null)`,
  'a unit of a version exists': `select m.kind || ' ' || m.unit_id as broken from membership m where
     m.kind = 'tag' and not exists (select 1 from tag c where c.id = m.unit_id)
     or m.kind = 'signature' and not exists (select 1 from signature c where c.id = m.unit_id)
     or m.kind = 'manifest' and not exists (select 1 from manifest c where c.id = m.unit_id)
     or m.kind = 'blob' and not exists (select 1 from blob c where c.id = m.unit_id)`,
  'a staged unit exists': `select s.kind || ' ' || s.unit_id as broken from staged s where
     s.kind = 'signature' and not exists (select 1 from signature c where c.id = s.unit_id)
     or s.kind = 'manifest' and not exists (select 1 from manifest c where c.id = s.unit_id)
     or s.kind = 'blob' and not exists (select 1 from blob c where c.id = s.unit_id)`,
  'a child exists': `select k.manifest_id || ' → ' || k.child_id as broken from manifest_child k
     where not exists (select 1 from manifest c where c.id = k.child_id)
        or not exists (select 1 from manifest c where c.id = k.manifest_id)`,
  'a blob of a manifest exists': `select k.manifest_id || ' → ' || k.blob_id as broken from manifest_blob k
     where not exists (select 1 from blob c where c.id = k.blob_id)
        or not exists (select 1 from manifest c where c.id = k.manifest_id)`,
  'the manifest of a referrer exists': `select r.referrer_id::text as broken from relation r
     where not exists (select 1 from manifest c where c.id = r.referrer_id)`,
  'the counts of a version are right': `select v.repository_id || '/' || v.number || ' ' || unit as broken
     from (select *, lag(number, 1, -1) over (partition by repository_id order by number) as previous from repository_version) v
     cross join unnest(array['blob', 'manifest', 'tag', 'signature']) as unit cross join lateral (
       select count(*) filter (where m.added_in <= v.number and (m.removed_in is null or m.removed_in > v.number)) as present,
         count(*) filter (where m.added_in > v.previous and m.added_in <= v.number) as added,
         count(*) filter (where m.removed_in > v.previous and m.removed_in <= v.number) as removed
       from membership m where m.repository_id = v.repository_id and m.kind = unit) m
     where (coalesce((v.present ->> unit)::int, 0), coalesce((v.added ->> unit)::int, 0), coalesce((v.removed ->> unit)::int, 0))
       <> (m.present, m.added, m.removed)`,
  'the tally has counted what there is': `select kind || ': ' || held || ' instead of ' || counted as broken from (
       select 'blob' as kind, count(*) as held from blob union all select 'manifest', count(*) from manifest
       union all select 'tag', count(*) from tag union all select 'signature', count(*) from signature) k
     cross join lateral (select coalesce(sum(t.change), 0) as counted from content_tally t where t.kind = k.kind) t
     where held <> counted`,
  'a manifest of a version has its blobs there': `select m.repository_id || ' ' || b.blob_id as broken from membership m
     join manifest_blob b on b.manifest_id = m.unit_id where m.removed_in is null and not exists (
       select 1 from membership o where o.repository_id = m.repository_id and o.unit_id = b.blob_id and o.removed_in is null)
     and not exists (select 1 from staged s where s.repository_id = m.repository_id and s.unit_id = b.blob_id)`,
};

/** Everything that is not as it must be, in words; empty when all is well. */
export async function brokenInvariants(source: DataSource, store: BlobStore): Promise<string[]> {
  const broken: string[] = [];
  for (const [rule, text] of Object.entries(RULES))
    for (const row of await rowsOf<{ broken: string }>(source, text)) broken.push(`${rule}: ${row.broken}`);
  return [...broken, ...(await brokenBytes(source, new BlobBytes(store, source)))];
}

async function brokenBytes(source: DataSource, store: BlobStore): Promise<string[]> {
  const broken: string[] = [];
  const manifests = await rowsOf<{ digest: string; bytes: Buffer }>(source, 'select digest, bytes from manifest');
  for (const { digest, bytes } of manifests) {
    if (digestOf(bytes, algorithmOf(digest)) !== digest) broken.push(`a manifest has its bytes: ${digest}`);
  }
  const small = 'select digest, bytes from blob where bytes is not null';
  for (const { digest, bytes } of await rowsOf<{ digest: string; bytes: Buffer }>(source, small))
    if (digestOf(bytes, algorithmOf(digest)) !== digest) broken.push(`a small blob has its bytes: ${digest}`);
  const blobs = await rowsOf<{ digest: string; size: number }>(source, 'select digest, size from blob where stored');
  for (const { digest, size } of blobs) {
    const stored = await store.size(digest as `sha256:${string}`);
    // A blob that was removed while this looked has no row any more.
    if (stored !== size && (await rowsOf(source, 'select 1 from blob where digest = $1', [digest])).length > 0)
      broken.push(`a blob has its bytes: ${digest} ${stored ?? 'gone'} instead of ${size}`);
  }
  return broken;
}

/** What every version held when it was looked at, to compare with later. */
export type VersionContents = ReadonlyMap<string, string>;

/** Digest over the units of every version. */
export async function versionContents(source: DataSource): Promise<VersionContents> {
  const rows = await rowsOf<{ version: string; content: string }>(
    source,
    `select v.repository_id || '/' || v.number as version,
       md5(coalesce(string_agg(m.unit_id::text, ',' order by m.unit_id), '')) as content
     from repository_version v left join membership m on m.repository_id = v.repository_id and m.added_in <= v.number
       and (m.removed_in is null or m.removed_in > v.number)
     group by v.repository_id, v.number`,
  );
  return new Map(rows.map(({ version, content }) => [version, content]));
}

/** Versions whose content is not what it was; versions that were deleted meanwhile are no concern. */
export function changedVersions(before: VersionContents, after: VersionContents): string[] {
  return [...before].filter(([version, content]) => (after.get(version) ?? content) !== content).map(([name]) => name);
}
