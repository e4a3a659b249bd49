import { rowsOf } from '#platform/database.js';
import type { UnitKind } from '#content/versions/version.entity.js';
import { badField, badRequest } from '../rest/errors.js';
import { single, twoEnds, wholeNumber, type Filter, type FilterScope } from '../rest/filters/filter.js';
import { labelSelect } from '../rest/filters/label-select.js';
import { locate, MODELS } from '../rest/models.js';

/** Minutes that `orphaned_for=-1` stands for. */
const PROTECTION_MINUTES = 1440;

/** A version as memberships know it. */
export interface VersionNumber {
  readonly repository: string;
  readonly number: number;
}

/** Finds the version that an href or PRN names; a repository stands for its newest one. */
export async function findVersion(uri: string, scope: Pick<FilterScope, 'source'>): Promise<VersionNumber> {
  const found = locate(uri);
  if (!found) {
    const kind = uri.startsWith('prn:') ? 'PRN' : 'HREF';
    throw badRequest([`Invalid RepositoryVersion ${kind}: ${uri.slice(0, 300)}`]);
  }
  const { source } = scope;
  if (!('id' in found))
    return oneOf(
      await rowsOf<VersionNumber>(
        source,
        'select repository_id as repository, number from repository_version where repository_id = $1 and number = $2',
        [found.repository, found.number],
      ),
      uri,
    );
  if (found.model === 'core.repositoryversion')
    return oneOf(
      await rowsOf<VersionNumber>(
        source,
        'select repository_id as repository, number from repository_version where id = $1',
        [found.id],
      ),
      uri,
    );
  if (MODELS[found.model].table !== 'repository')
    throw badRequest([`Invalid RepositoryVersion HREF: ${uri.slice(0, 300)}`]);
  return oneOf(
    await rowsOf<VersionNumber>(source, 'select id as repository, head as number from repository where id = $1', [
      found.id,
    ]),
    uri,
  );
}

function oneOf(rows: readonly VersionNumber[], uri: string): VersionNumber {
  const [row] = rows;
  if (!row) throw badRequest([`URI couldn't be resolved: ${uri.slice(0, 300)}`]);
  return row;
}

type Membership = (number: string) => string;

const PRESENT: Membership = (number) =>
  `m.added_in <= ${number} and (m.removed_in is null or m.removed_in > ${number})`;
const ADDED: Membership = (number) => `m.added_in = ${number}`;
const REMOVED: Membership = (number) => `m.removed_in = ${number}`;

function versionFilter(name: string, kind: UnitKind | undefined, condition: Membership): Filter {
  return {
    name,
    schema: { type: 'string' },
    description: 'Repository Version referenced by HREF/PRN',
    async compile(raw, scope) {
      const { repository, number } = await findVersion(single(raw), scope);
      const id = scope.values.bind(repository);
      const bound = condition(`${scope.values.bind(number)}::int`);
      const units = `m.repository_id = ${id}::uuid${kind ? ` and m.kind = '${kind}'` : ''} and ${bound}`;
      return membershipCondition(scope, units);
    },
  };
}

/** The first membership condition of a list may drive the whole list; see `select.ts`. */
function membershipCondition(scope: FilterScope, units: string): string {
  const condition = `t.id in (select m.unit_id from membership m where ${units})`;
  scope.driver ??= { from: 'membership m', key: 'm.unit_id', where: units, replaces: condition };
  return condition;
}

const between = (name: string, kind: UnitKind | undefined, column: 'added_in' | 'removed_in'): Filter => ({
  name,
  schema: { type: 'array', items: { type: 'string' } },
  explode: false,
  description: 'Two repository versions of one repository, the earlier one first.',
  async compile(raw, scope) {
    const [from, to] = await Promise.all(twoEnds(name, raw).map((uri) => findVersion(uri, scope)));
    if (from!.repository !== to!.repository) throw badField(name, 'Both versions must be of one repository.');
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
  compile(raw, { values }) {
    const minutes = Number(wholeNumber('orphaned_for', single(raw)));
    if (minutes > 4_294_967_295)
      throw badField('orphaned_for', 'Ensure this value is less than or equal to 4294967295.');
    const bound = values.bind(minutes < 0 ? PROTECTION_MINUTES : minutes);
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
