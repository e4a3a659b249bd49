import type { DataSource } from 'typeorm';
import { rowsOf } from '#platform/database.js';

/** A tag that stands in one version and not, or otherwise, in the other. */
export interface TagDifference {
  readonly name: string;
  /** Digest in the base; null when the tag is new. */
  readonly from: string | null;
  /** Digest in the version; null when the tag is gone. */
  readonly to: string | null;
}

/** What a version has that its base has not, and the other way round. */
export interface VersionDifference {
  readonly tags: {
    readonly added: TagDifference[];
    readonly changed: TagDifference[];
    readonly removed: TagDifference[];
  };
  readonly manifests: { readonly added: string[]; readonly removed: string[] };
  readonly signatures: { readonly added: SignatureDifference[]; readonly removed: SignatureDifference[] };
  readonly blobs: { readonly added: number; readonly removed: number };
}

/** A signature with the manifest that it is of. */
export interface SignatureDifference {
  readonly digest: string;
  readonly format: string;
  readonly manifest: string;
}

/** Compares two versions of a repository; the cost is what differs, not what they have. */
export async function diffVersions(
  source: DataSource,
  repositoryId: string,
  base: number,
  version: number,
): Promise<VersionDifference> {
  const rows = await rowsOf<{ kind: string; unitId: string; side: 'added' | 'removed' }>(
    source,
    `select m.kind, m.unit_id as "unitId", case when m.added_in <= $3 and (m.removed_in is null or m.removed_in > $3) then 'added' else 'removed' end as side
     from membership m
     where m.repository_id = $1
       and (m.added_in <= $2 and (m.removed_in is null or m.removed_in > $2)) <> (m.added_in <= $3 and (m.removed_in is null or m.removed_in > $3))
       and (m.added_in between least($2::int, $3::int) + 1 and greatest($2::int, $3::int) or m.removed_in between least($2::int, $3::int) + 1 and greatest($2::int, $3::int))`,
    [repositoryId, base, version],
  );
  const ids = (kind: string, side: string) =>
    rows.filter((row) => row.kind === kind && row.side === side).map((row) => row.unitId);
  // A unit that left and came back stands on both sides of a longer way.
  const only = (kind: string, side: 'added' | 'removed') => {
    const other = new Set(ids(kind, side === 'added' ? 'removed' : 'added'));
    return ids(kind, side).filter((id) => !other.has(id));
  };
  return {
    tags: await tagDifferences(source, only('tag', 'added'), only('tag', 'removed')),
    manifests: {
      added: await digests(source, only('manifest', 'added')),
      removed: await digests(source, only('manifest', 'removed')),
    },
    signatures: {
      added: await signatures(source, only('signature', 'added')),
      removed: await signatures(source, only('signature', 'removed')),
    },
    blobs: { added: only('blob', 'added').length, removed: only('blob', 'removed').length },
  };
}

async function tagDifferences(
  source: DataSource,
  added: string[],
  removed: string[],
): Promise<VersionDifference['tags']> {
  const read = (ids: string[]) =>
    rowsOf<{ name: string; digest: string }>(
      source,
      'select t.name, c.digest from tag t join manifest c on c.id = t.manifest_id where t.id = any($1::uuid[]) order by t.name',
      [ids],
    );
  const after = new Map((await read(added)).map((tag) => [tag.name, tag.digest]));
  const before = new Map((await read(removed)).map((tag) => [tag.name, tag.digest]));
  const names = [...new Set([...after.keys(), ...before.keys()])].sort();
  const all = names.map((name) => ({ name, from: before.get(name) ?? null, to: after.get(name) ?? null }));
  return {
    added: all.filter((tag) => tag.from === null),
    changed: all.filter((tag) => tag.from !== null && tag.to !== null),
    removed: all.filter((tag) => tag.to === null),
  };
}

async function digests(source: DataSource, ids: string[]): Promise<string[]> {
  const rows = await rowsOf<{ digest: string }>(
    source,
    'select digest from manifest where id = any($1::uuid[]) order by digest',
    [ids],
  );
  return rows.map((row) => row.digest);
}

function signatures(source: DataSource, ids: string[]): Promise<SignatureDifference[]> {
  return rowsOf(
    source,
    'select digest, format, manifest_digest as manifest from signature where id = any($1::uuid[]) order by manifest_digest, digest',
    [ids],
  );
}
