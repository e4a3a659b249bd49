import { contentTally } from '#content/types/content-tally.entity.js';
import { constant, labels, text, time } from '../rest/fields.js';
import { type ModelName } from '../rest/models.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { severalModels } from '../rest/several-models.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST } from '../rest/standard/reading.js';
import { contentFilters } from './content-filters.js';
import { CONTENT_MODELS } from './content-models.js';
import { contentScope } from './content-resource.js';

const MODEL_OF: Readonly<Record<string, ModelName>> = {
  blob: 'container.blob',
  manifest: 'container.manifest',
  tag: 'container.tag',
  signature: 'container.manifestsignature',
};

const columns = 'id, pulp_created, pulp_last_updated, pulp_labels';
const UNION = Object.keys(MODEL_OF)
  .map((kind) => `select ${columns}, '${kind}' as kind from ${kind}`)
  .join(' union all ');

const NAMES = severalModels('container', (kind) => MODEL_OF[kind]!, 't.kind');

/** Content of every kind, as one list shows it. */
export const ALL_CONTENT: Resource = defineResource({
  model: 'container.blob',
  models: CONTENT_MODELS,
  path: 'content',
  tag: 'Content',
  schema: 'MultipleArtifactContent',
  component: 'core',
  noun: 'Content',
  from: `(${UNION}) t`,
  fields: {
    ...NAMES.fields,
    pulp_created: time('t.pulp_created'),
    pulp_last_updated: time('t.pulp_last_updated'),
    pulp_labels: labels(),
    vuln_report: constant(null, { type: 'string', format: 'uri', nullable: true }),
    pulp_type: text(NAMES.typeSql, { readOnly: true }),
    artifacts: constant({}, { type: 'object', additionalProperties: {} }),
  },
  filters: [...NAMES.filters, ...contentFilters()],
  ordering: { pulp_type: 't.kind' },
  tally: contentTally(),
  access: { actions: { list: 'authenticated' }, scope: contentScope },
});

/** Content of every kind. */
@ResourceController(ALL_CONTENT, LIST)
export class AllContentController extends RestHost {}
