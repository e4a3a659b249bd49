import { contentTally } from '#content/types/content-tally.entity.js';
import type { UnitKind } from '#content/versions/version.entity.js';
import { on, type AccessRules, type Rule, type Scope } from '../rest/access/rules.js';
import { ordersNothing } from '../rest/ordering.js';
import { baseFields, constant, labels, type Field } from '../rest/fields.js';
import type { Filter } from '../rest/filters/filter.js';
import { MODELS, type ModelName } from '../rest/models.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { repositoryScope } from '../repositories/repository-rules.js';
import { contentFilters } from './content-filters.js';

/** Content is seen through the repositories that hold it. */
export const contentScope: Scope = (facts, values) => {
  const repositories = repositoryScope(facts, values);
  if (repositories === 'true') return 'true';
  const visible = repositories.replaceAll(/\bt\./g, 'r.');
  return `t.id in (select m.unit_id from membership m join repository r on r.id = m.repository_id where ${visible})`;
};

const label: Rule = [[on('core.manage_content_labels')]];

const CONTENT_RULES: AccessRules = {
  actions: {
    list: 'authenticated',
    read: 'authenticated',
    content: 'authenticated',
    set_label: label,
    unset_label: label,
  },
  scope: contentScope,
};

/** What one kind of content adds to what all have. */
interface ContentKind {
  readonly model: ModelName;
  readonly kind: UnitKind;
  readonly tag: string;
  readonly schema: string;
  readonly fields: Readonly<Record<string, Field>>;
  readonly filters: readonly Filter[];
  readonly ordering?: Readonly<Record<string, string>>;
  readonly from?: string;
}

/** Defines a kind of content. */
export function defineContent({ model, kind, fields, filters, ordering = {}, ...given }: ContentKind): Resource {
  return defineResource({
    model,
    ...given,
    from: given.from ?? `${MODELS[model].table} t`,
    fields: {
      ...baseFields(model),
      pulp_labels: labels(),
      vuln_report: constant(null, { type: 'string', format: 'uri', nullable: true }),
      ...fields,
    },
    filters: [...filters, ...contentFilters(kind)],
    ordering: {
      ...ordering,
      ...ordersNothing('pulp_type', 'upstream_id'),
      timestamp_of_interest: 't.pulp_last_updated',
    },
    access: CONTENT_RULES,
    tally: contentTally(kind),
  });
}
