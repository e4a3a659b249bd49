import { rowsOf } from '#platform/database.js';
import type { UnitCounts, UnitKind } from '#content/versions/version.entity.js';
import { badField, badRequest } from '../rest/errors.js';
import { single, twoEnds, wholeNumber, type Filter, type FilterScope } from '../rest/filters/filter.js';
import { labelSelect } from '../rest/filters/label-select.js';
import { locate, MODELS, type Located } from '../rest/models.js';
import { SqlValues } from '../rest/sql.js';

/** Minutes that unused content is kept when nothing else is said, and that `orphaned_for=-1` stands for. */
export const PROTECTION_MINUTES = 1440;

/** A version as memberships know it, and how many units of each kind it has, added and removed. */
interface CountedVersion {
  readonly repository: string;
  readonly number: number;
  /** Number of the version before it; -1 for the first. What came or went since is its change. */
  readonly previous: number;
  readonly present: UnitCounts;
  readonly added: UnitCounts;
  readonly removed: UnitCounts;
}

/** Finds the version that an href or PRN names and the caller sees; a repository stands for its newest one. */
export async function findVersion(
  uri: string,
  { source, visible }: Pick<FilterScope, 'source' | 'visible'>,
): Promise<CountedVersion> {
  const found = locate(uri);
  if (!found) {
    const kind = uri.startsWith('prn:') ? 'PRN' : 'HREF';
    throw badRequest([`Invalid RepositoryVersion ${kind}: ${uri.slice(0, 300)}`]);
  }
  const values = new SqlValues();
  const condition = versionCondition(found, uri, values);
  const seen = (await visible('id' in found ? found.model : found.repositoryModel))(values);
  const [row] = await rowsOf<CountedVersion>(
    source,
    `select v.repository_id as repository, v.number, v.present, v.added, v.removed,
            coalesce((select max(p.number) from repository_version p where p.repository_id = v.repository_id and p.number < v.number), -1) as previous
       from repository_version v join repository r on r.id = v.repository_id
      where ${condition} and (${seen.replaceAll(/\bt\./g, 'r.')})`,
    values.values,
  );
  if (!row) throw badRequest([`URI couldn't be resolved: ${uri.slice(0, 300)}`]);
  return row;
}

function versionCondition(found: Located, uri: string, values: SqlValues): string {
  if (!('id' in found))
    return `v.repository_id = ${values.bind(found.repository)} and v.number = ${values.bind(found.number)}`;
  if (found.model === 'core.repositoryversion') return `v.id = ${values.bind(found.id)}`;
  if (MODELS[found.model].table !== 'repository')
    throw badRequest([`Invalid RepositoryVersion HREF: ${uri.slice(0, 300)}`]);
  return `v.repository_id = ${values.bind(found.id)} and v.number = r.head`;
}

/** Which stays count, and where the version keeps their number. */
interface Membership {
  readonly stored: 'present' | 'added' | 'removed';
  condition(version: CountedVersion, bind: (number: number) => string): string;
}

const PRESENT: Membership = {
  stored: 'present',
  condition({ number }, bind) {
    const version = bind(number);
    return `m.added_in <= ${version} and (m.removed_in is null or m.removed_in > ${version})`;
  },
};
const since =
  (column: 'added_in' | 'removed_in'): Membership['condition'] =>
  ({ number, previous }, bind) =>
    `m.${column} > ${bind(previous)} and m.${column} <= ${bind(number)}`;
const ADDED: Membership = { stored: 'added', condition: since('added_in') };
const REMOVED: Membership = { stored: 'removed', condition: since('removed_in') };

/** The first filter by version may drive the whole list, whose count is then that of the version; see `select.ts`. */
function versionFilter(name: string, kind: UnitKind | undefined, membership: Membership): Filter {
  return {
    name,
    schema: { type: 'string' },
    description: 'Repository Version referenced by HREF/PRN',
    async compile(raw, scope) {
      const version = await findVersion(single(raw), scope);
      const id = scope.values.bind(version.repository);
      const bound = membership.condition(version, (number) => `${scope.values.bind(number)}::int`);
      const where = `m.repository_id = ${id}::uuid${kind ? ` and m.kind = '${kind}'` : ''} and ${bound}`;
      const replaces = `t.id in (select m.unit_id from membership m where ${where})`;
      const count = countOf(version[membership.stored], kind);
      scope.driver ??= { from: 'membership m', key: 'm.unit_id', where, replaces, count };
      return replaces;
    },
  };
}

const countOf = (counts: UnitCounts, kind: UnitKind | undefined): number =>
  kind ? (counts[kind] ?? 0) : Object.values(counts).reduce((sum, count) => sum + count, 0);

const between = (name: string, kind: UnitKind | undefined, column: 'added_in' | 'removed_in'): Filter => ({
  name,
  schema: { type: 'array', items: { type: 'string' } },
  explode: false,
  description: 'Two repository versions of one repository, the earlier one first.',
  async compile(raw, scope) {
    const [from, to] = await Promise.all(twoEnds(name, raw).map((uri) => findVersion(uri, scope)));
    if (from!.repository !== to!.repository) throw badField(name, 'Both versions must be of one repository.');
    // A deleted version in between may take stays with it.
    scope.fleeting = true;
    const { values } = scope;
    return `t.id in (select m.unit_id from membership m where m.repository_id = ${values.bind(from!.repository)}::uuid
      ${kind ? `and m.kind = '${kind}'` : ''} and m.${column} > ${values.bind(from!.number)}::int
      and m.${column} <= ${values.bind(to!.number)}::int)`;
  },
});

const orphanedFor: Filter = {
  name: 'orphaned_for',
  schema: { type: 'number' },
  description: 'Minutes Content has been orphaned for. -1 uses ORPHAN_PROTECTION_TIME.',
  compile(raw, scope) {
    scope.fleeting = true;
    const minutes = Number(wholeNumber('orphaned_for', single(raw)));
    if (minutes > 4_294_967_295)
      throw badField('orphaned_for', 'Ensure this value is less than or equal to 4294967295.');
    const bound = scope.values.bind(minutes < 0 ? PROTECTION_MINUTES : minutes);
    return `t.pulp_last_updated < now() - ${bound}::bigint * interval '1 minute'
      and not exists (select 1 from membership m where m.unit_id = t.id)`;
  },
};

/** Filters that all content lists have; without a kind for lists over all kinds. */
export const contentFilters = (kind?: UnitKind): Filter[] => [
  versionFilter('repository_version', kind, PRESENT),
  versionFilter('repository_version_added', kind, ADDED),
  versionFilter('repository_version_removed', kind, REMOVED),
  between('added_between', kind, 'added_in'),
  between('removed_between', kind, 'removed_in'),
  orphanedFor,
  labelSelect(),
];
