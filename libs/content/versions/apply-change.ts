import type { EntityManager } from 'typeorm';
import { announce, announcement } from '#platform/change-feed.js';
import { listParameters, ONE_BY_ONE, preparedIn } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { pruneVersions } from './delete-version.js';
import { underTag } from './membership.entity.js';
import { addCounts, countKinds, type KindCount } from './unit-counts.js';
import type { UnitCounts, UnitKind } from './version.entity.js';

/** A content unit as memberships know it. Tags carry their name. */
export interface UnitRef {
  readonly id: string;
  readonly kind: UnitKind;
  readonly tagName?: string | null;
}

/** What the next version differs in. A tag that is added takes the place of its namesake. */
export interface VersionChange {
  readonly add?: readonly UnitRef[];
  readonly remove?: readonly string[];
}

/** A version that was made. */
export interface MadeVersion {
  readonly id: string;
  readonly repositoryId: string;
  readonly number: number;
  readonly added: UnitCounts;
  readonly removed: UnitCounts;
  readonly present: UnitCounts;
}

/** A repository that this transaction has locked. */
export interface LockedRepository {
  readonly id: string;
  readonly head: number;
  readonly last_number: number;
  readonly retain_repo_versions: number | null;
}

/** Locks a repository until the transaction ends, so that its versions follow each other. */
export async function lockRepository(tx: EntityManager, repositoryId: string): Promise<LockedRepository> {
  return (await lockRepositories(tx, [repositoryId])).get(repositoryId)!;
}

/** {@link lockRepository} for several, each in its turn. */
export async function lockRepositories(
  tx: EntityManager,
  repositoryIds: readonly string[],
): Promise<Map<string, LockedRepository>> {
  const rows = await preparedIn<LockedRepository>(
    tx,
    'lock-repositories',
    `select id, head, last_number, retain_repo_versions from repository where id = any(${listParameters(1, 'uuid')})
     order by id for no key update`,
    [repositoryIds],
  );
  const locked = new Map(rows.map((row) => [row.id, row]));
  if (repositoryIds.some((id) => !locked.has(id)))
    throw notFound('The repository does not exist any more.', 'NAME_UNKNOWN');
  return locked;
}

/**
 * Makes the next version of a repository from a change; undefined when nothing would differ. Cost: the size of the change.
 * Units that were staged leave the staging. Older versions beyond the repository's retention are dropped.
 */
export async function applyChange(
  tx: EntityManager,
  repositoryId: string,
  change: VersionChange,
  options: { taskId?: string | null; baseVersionId?: string | null; locked?: LockedRepository } = {},
): Promise<MadeVersion | undefined> {
  const { locked, ...origin } = options;
  const repository = locked ?? (await lockRepository(tx, repositoryId));
  return (await applyChanges(tx, [{ repository, change, ...origin }]))[0];
}

/** A change of one repository among several changes. */
export interface RepositoryChange {
  readonly repository: LockedRepository;
  readonly change: VersionChange;
  readonly taskId?: string | null;
  readonly baseVersionId?: string | null;
}

/**
 * {@link applyChange} for several changes with the same few statements: a version for each that makes a difference after
 * those before it. Of the changes of one repository no two may set the same tag, and none may remove what another adds.
 */
export async function applyChanges(
  tx: EntityManager,
  changes: readonly RepositoryChange[],
): Promise<(MadeVersion | undefined)[]> {
  const rows = await changeMembers(tx, changes);
  const present = new Map<string, UnitCounts>();
  for (const row of rows) if (row.what === 'before') present.set(row.repositoryId, row.present ?? {});
  const versions = changes.map(({ repository, ...origin }, seq) => {
    const changed = rows.filter((row) => row.seq === seq);
    const [first] = changed;
    if (!first) return undefined;
    const removed = countKinds(changed.filter(({ what }) => what === 'gone'));
    const added = countKinds(changed.filter(({ what }) => what === 'come'));
    const counts = addCounts(present.get(repository.id) ?? {}, added, removed);
    present.set(repository.id, counts);
    const { taskId = null, baseVersionId = null } = origin;
    const made = { id: newId(), repositoryId: repository.id, number: first.number, added, removed, present: counts };
    return { made, repository, taskId, baseVersionId };
  });
  const made = versions.filter((version) => version !== undefined);
  if (made.length > 0) await addVersions(tx, made);
  const thinned = new Map(made.map(({ repository }) => [repository.id, repository.retain_repo_versions]));
  for (const [id, retained] of thinned) if (retained !== null) await pruneVersions(tx, id, retained);
  return versions.map((version) => version?.made);
}

async function addVersions(
  tx: EntityManager,
  versions: readonly { made: MadeVersion; taskId: string | null; baseVersionId: string | null }[],
): Promise<void> {
  const heads = new Map(versions.map(({ made }) => [made.repositoryId, made.number]));
  await preparedIn(
    tx,
    'add-versions',
    `with made as (
       insert into repository_version (id, repository_id, number, base_version_id, task_id, added, removed, present)
       select v.* from unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::uuid[], $6::jsonb[], $7::jsonb[], $8::jsonb[]) as v)
     update repository r set head = h.number, last_number = h.number, revision = revision + 1, pulp_last_updated = now()
     from unnest($9::uuid[], $10::int[], $11::text[]) as h(id, number, payload) where r.id = h.id
     returning pg_notify($12, h.payload)`,
    [
      versions.map(({ made }) => made.id),
      versions.map(({ made }) => made.repositoryId),
      versions.map(({ made }) => made.number),
      versions.map(({ baseVersionId }) => baseVersionId),
      versions.map(({ taskId }) => taskId),
      versions.map(({ made }) => JSON.stringify(made.added)),
      versions.map(({ made }) => JSON.stringify(made.removed)),
      versions.map(({ made }) => JSON.stringify(made.present)),
      [...heads.keys()],
      [...heads.values()],
      [...heads.keys()].map((id) => announcement('repository', id)[1]),
      announcement('repository', '')[0],
    ],
  );
}

/** Tells readers that staged content of a repository changed. */
export async function touchRepository(tx: EntityManager, repositoryId: string): Promise<void> {
  await tx.query('update repository set revision = revision + 1 where id = $1', [repositoryId]);
  await announce(tx, 'repository', repositoryId);
}

type ChangedRow = KindCount & {
  readonly what: 'gone' | 'come' | 'before';
  readonly repositoryId: string;
  /** Place of the change among all; -1 for what the repository had before. */
  readonly seq: number;
  readonly number: number;
  readonly present: UnitCounts | null;
};

/**
 * Takes units and the namesakes of new tags out, then puts units in and out of the staging. Changes that make a difference
 * are numbered on from the last version. What comes waits for the count of what goes, so that a tag's name is free by then.
 */
function changeMembers(tx: EntityManager, changes: readonly RepositoryChange[]): Promise<ChangedRow[]> {
  const repositories = [...new Map(changes.map(({ repository }) => [repository.id, repository])).values()];
  // What several add comes with the first of them: many tags of one image name the same units.
  const first = new Map<string, { seq: number; repositoryId: string; unit: UnitRef }>();
  for (const [seq, { repository, change }] of changes.entries())
    for (const unit of change.add ?? []) {
      const key = `${repository.id} ${unit.id}`;
      if (!first.has(key)) first.set(key, { seq, repositoryId: repository.id, unit });
    }
  const add = [...first.values()];
  const remove = changes.flatMap(({ repository: { id }, change }, seq) => {
    const kept = new Set(change.add?.map((unit) => unit.id));
    return (change.remove ?? [])
      .filter((unitId) => !kept.has(unitId))
      .map((unitId) => ({ seq, repositoryId: id, unitId }));
  });
  return preparedIn(
    tx,
    'change-members',
    `with repository as materialized (select * from unnest($1::uuid[], $2::int[], $3::int[]) as r(repository_id, last, head)),
     fresh as materialized (
       select f.* from unnest($7::int[], $8::uuid[], $9::uuid[], $10::text[], $11::text[])
         as f(seq, repository_id, unit_id, kind, tag_name)
       where not exists (select 1 from membership m
         where m.repository_id = f.repository_id and m.unit_id = f.unit_id and m.removed_in is null ${ONE_BY_ONE})),
     going as materialized (
       select m.id, m.repository_id, m.kind, g.seq from unnest($4::int[], $5::uuid[], $6::uuid[]) as g(seq, repository_id, unit_id)
       cross join lateral (select * from membership m
         where m.repository_id = g.repository_id and m.unit_id = g.unit_id and m.removed_in is null ${ONE_BY_ONE}) m
       union select m.id, m.repository_id, m.kind, f.seq from fresh f
       cross join lateral (select * from membership m
         where m.repository_id = f.repository_id and ${underTag('m', 'f.tag_name')}) m
       where f.tag_name is not null),
     numbered as materialized (
       select c.repository_id, c.seq, r.last + (dense_rank() over (partition by c.repository_id order by c.seq))::int as number
       from (select repository_id, seq from fresh union select repository_id, seq from going) c
       join repository r on r.repository_id = c.repository_id),
     gone as (
       update membership m set removed_in = n.number from going g
       join numbered n on n.repository_id = g.repository_id and n.seq = g.seq
       where m.id = g.id returning n.repository_id, n.seq, n.number, m.kind),
     come as (
       insert into membership (repository_id, unit_id, kind, tag_name, added_in)
       select f.repository_id, f.unit_id, f.kind, f.tag_name, n.number from fresh f
       join numbered n on n.repository_id = f.repository_id and n.seq = f.seq
       where (select count(*) from gone) >= 0
       order by f.repository_id, f.unit_id returning repository_id, added_in as number, kind),
     unstaged as (
       delete from staged s using unnest($8::uuid[], $9::uuid[]) as a(repository_id, unit_id)
       where s.repository_id = a.repository_id and s.unit_id = a.unit_id)
     select 'gone' as what, repository_id as "repositoryId", seq, number, kind, count(*)::int as count, null::jsonb as present
     from gone group by repository_id, seq, number, kind
     union all select 'come', n.repository_id, n.seq, n.number, c.kind, count(*)::int, null
     from come c join numbered n on n.repository_id = c.repository_id and n.number = c.number
     group by n.repository_id, n.seq, n.number, c.kind
     union all select 'before', v.repository_id, -1, v.number, null, 0, v.present
     from repository r cross join lateral (select * from repository_version v
       where v.repository_id = r.repository_id and v.number = r.head ${ONE_BY_ONE}) v`,
    [
      repositories.map(({ id }) => id),
      repositories.map(({ last_number }) => last_number),
      repositories.map(({ head }) => head),
      remove.map(({ seq }) => seq),
      remove.map(({ repositoryId }) => repositoryId),
      remove.map(({ unitId }) => unitId),
      add.map(({ seq }) => seq),
      add.map(({ repositoryId }) => repositoryId),
      add.map(({ unit }) => unit.id),
      add.map(({ unit }) => unit.kind),
      add.map(({ unit }) => (unit.kind === 'tag' ? (unit.tagName ?? null) : null)),
    ],
  );
}
