import type { UnitCounts } from '#content/versions/version.entity.js';
import { constant, derived, time, whole, type Field } from '../rest/fields.js';
import type { Filter } from '../rest/filters/filter.js';
import { several } from '../rest/filters/filter.js';
import { numberFilters, timeFilters } from '../rest/filters/ordered.js';
import { keysFilter } from '../rest/filters/references.js';
import { API_ROOT, hrefTo, locate, prnOf, repositoryModel, versionHref } from '../rest/models.js';
import { badRequest } from '../rest/errors.js';
import { ordersNothing } from '../rest/ordering.js';
import { defineResource, type Resource } from '../rest/resource.js';
import type { AccessRules } from '../rest/access/rules.js';
import { CONTENT_MODELS } from '../content/content-models.js';
import { repositoryScope } from './repository-rules.js';

const HREF = { type: 'string', format: 'uri' };
const TYPED = `r.type || ' ' || r.id || ' ' || t.number`;

const versionOf = (typed: string): string => {
  const [type = '', id = '', number = ''] = typed.split(' ');
  return versionHref(type, id, Number(number));
};

const PATHS = { blob: 'blobs', manifest: 'manifests', tag: 'tags', signature: 'signatures' } as const;
const PARAMETERS = {
  added: 'repository_version_added',
  removed: 'repository_version_removed',
  present: 'repository_version',
} as const;

interface Counts {
  readonly version: string;
  readonly added: UnitCounts;
  readonly removed: UnitCounts;
  readonly present: UnitCounts;
}

/** Counts by type, each with the path of the list that has them. */
function summary(counts: Counts): object {
  const href = versionOf(counts.version);
  const part = (name: keyof typeof PARAMETERS) =>
    Object.fromEntries(
      (Object.keys(PATHS) as (keyof typeof PATHS)[])
        .filter((kind) => (counts[name][kind] ?? 0) > 0)
        .map((kind) => [
          `container.${kind}`,
          {
            count: counts[name][kind],
            href: `${API_ROOT}content/container/${PATHS[kind]}/?${PARAMETERS[name]}=${href}`,
          },
        ]),
    );
  return { added: part('added'), removed: part('removed'), present: part('present') };
}

const COUNTED = { type: 'object', additionalProperties: { type: 'object', additionalProperties: {} } };

const fields: Record<string, Field> = {
  pulp_href: derived(TYPED, HREF, versionOf),
  prn: derived('t.id', { type: 'string' }, (id: string) => prnOf('core.repositoryversion', id)),
  pulp_created: time('t.pulp_created'),
  pulp_last_updated: time('t.pulp_last_updated'),
  number: whole('t.number', { readOnly: true }),
  repository: derived(TYPED, HREF, (typed: string) => {
    const [type = '', id = ''] = typed.split(' ');
    return hrefTo(repositoryModel(type), id);
  }),
  base_version: derived(
    `(select r.type || ' ' || b.repository_id || ' ' || b.number from repository_version b where b.id = t.base_version_id)`,
    { ...HREF, nullable: true },
    (typed: string | null) => (typed === null ? null : versionOf(typed)),
  ),
  content_summary: derived(
    `json_build_object('version', ${TYPED}, 'added', t.added, 'removed', t.removed, 'present', t.present)`,
    {
      title: 'ContentSummaryResponse',
      type: 'object',
      properties: { added: COUNTED, removed: COUNTED, present: COUNTED },
      required: ['added', 'removed', 'present'],
    },
    summary,
  ),
  vuln_report: constant(null, { ...HREF, nullable: true }),
};

const holds = (keys: string) =>
  `exists (select 1 from membership m where m.repository_id = t.repository_id and m.unit_id = any(${keys})
     and m.added_in <= t.number and (m.removed_in is null or m.removed_in > t.number))`;

function identity(name: string): Filter {
  return {
    name,
    schema: { type: 'array', items: { type: 'string' } },
    explode: false,
    description: 'Multiple values may be separated by commas.',
    compile(raw, { values }) {
      const parts = several(raw).map((uri) => {
        const found = locate(uri);
        if (!found) throw badRequest([`URI couldn't be resolved: ${uri.slice(0, 300)}`]);
        if ('id' in found) return `t.id = ${values.bind(found.id)}::uuid`;
        return `(t.repository_id = ${values.bind(found.repository)}::uuid and t.number = ${values.bind(found.number)}::int)`;
      });
      return parts.length === 0 ? 'false' : parts.join(' or ');
    },
  };
}

const filters: readonly Filter[] = [
  ...numberFilters('number'),
  ...timeFilters('pulp_created'),
  keysFilter('content', CONTENT_MODELS, holds),
  keysFilter('content__in', CONTENT_MODELS, holds, true),
  identity('pulp_href__in'),
  identity('prn__in'),
];

const visible: NonNullable<AccessRules['scope']> = (facts, values) =>
  repositoryScope(facts, values).replaceAll(/\bt\./g, 'r.');

/** Versions as all lists of them show them. */
const VERSIONS: Resource = {
  ...defineResource({
    model: 'core.repositoryversion',
    tag: 'Repository_Versions',
    schema: 'RepositoryVersion',
    from: 'repository_version t join repository r on r.id = t.repository_id',
    fields,
    ordering: ordersNothing('complete', 'info', 'content_ids'),
    defaultOrder: [{ sql: 't.number', descending: true }],
    access: { actions: { list: 'authenticated' }, scope: visible },
  }),
  filters,
};

/** Versions of all repositories. */
export const ALL_VERSIONS: Resource = { ...VERSIONS, defaultOrder: [{ sql: 't.id', descending: true }] };

const versionActions = (actions: AccessRules['actions']): AccessRules['actions'] => ({
  list: actions['list_versions'] ?? 'superuser',
  read: actions['read_version'] ?? 'superuser',
  delete: actions['delete_version'] ?? 'superuser',
  repair: actions['repair_version'] ?? 'superuser',
});

/** Versions of repositories of one type; whose repository it is stands in the path. */
export const versionsBelow = (parent: Resource, tag: string): Resource => ({
  ...VERSIONS,
  tag,
  component: 'container',
  operations: `${parent.operations}_versions`,
  parameter: parent.parameter.replace(/_href$/, '_version_href'),
  access: { actions: versionActions(parent.access.actions), scope: visible },
});
