import { baseFields, derived, href, labels, text, whole, type Field } from '../rest/fields.js';
import { labelSelect } from '../rest/filters/label-select.js';
import { nullableNumberFilters } from '../rest/filters/ordered.js';
import { hrefFilter, keysFilter } from '../rest/filters/references.js';
import { textFilters } from '../rest/filters/text.js';
import type { Filter } from '../rest/filters/filter.js';
import { versionHref, type ModelName } from '../rest/models.js';
import { BY_NAME, SAME_FOR_ALL } from '../rest/ordering.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { REPOSITORY_NAMES } from '../rest/several-models.js';
import { CONTENT_MODELS } from '../content/content-models.js';
import { PUSH_REPOSITORY_RULES, REPOSITORY_RULES, repositoryScope } from './repository-rules.js';
import { PushRepositoryBody, RepositoryBody } from './dto/repository.body.js';

const REMOTES = ['container.containerremote', 'container.containerpullthroughremote'] as const;
const HREF = { type: 'string', format: 'uri' };

const versionFields: Record<string, Field> = {
  versions_href: derived(`t.type || ' ' || t.id`, HREF, (typed: string) => `${REPOSITORY_NAMES.href(typed)}versions/`),
  latest_version_href: derived(`t.type || ' ' || t.id || ' ' || t.head`, HREF, (typed: string) => {
    const [type = '', id = '', head = ''] = typed.split(' ');
    return versionHref(type, id, Number(head));
  }),
};

const nullable = { nullable: true };

const commonFields = (model: ModelName): Record<string, Field> => ({
  ...baseFields(model),
  ...versionFields,
  pulp_labels: labels(),
  name: text('t.name'),
  description: text('t.description', nullable),
  retain_repo_versions: whole('t.retain_repo_versions', nullable),
  retain_checkpoints: whole('t.retain_checkpoints', nullable),
});

const remote = href('container.containerremote', 't.remote_id', nullable);
const signingService = href('core.signingservice', 't.signing_service_id', nullable);

const withContent = (name: string, latest: boolean): Filter =>
  keysFilter(
    name,
    CONTENT_MODELS,
    (keys) =>
      `t.id in (select m.repository_id from membership m where m.unit_id = any(${keys})${latest ? ' and m.removed_in is null' : ''})`,
  );

const filters: readonly Filter[] = [
  ...textFilters('name', 't.name'),
  ...nullableNumberFilters('retain_repo_versions'),
  ...nullableNumberFilters('retain_checkpoints'),
  hrefFilter('remote', 't.remote_id', ...REMOTES),
  withContent('with_content', false),
  withContent('latest_with_content', true),
  labelSelect(),
];

const ordering = {
  name: 't.name',
  description: 't.description',
  pulp_type: 't.type',
  pulp_labels: 't.pulp_labels',
  next_version: 't.last_number',
  retain_repo_versions: 't.retain_repo_versions',
  retain_checkpoints: 't.retain_checkpoints',
  user_hidden: SAME_FOR_ALL,
};

/** Repositories whose content is mirrored or curated. */
export const REPOSITORIES: Resource = defineResource({
  model: 'container.containerrepository',
  tag: 'Repositories: Container',
  schema: 'container.ContainerRepository',
  fields: { ...commonFields('container.containerrepository'), remote, manifest_signing_service: signingService },
  filters,
  ordering,
  defaultOrder: BY_NAME,
  access: REPOSITORY_RULES,
  body: RepositoryBody,
});

/** Repositories that clients push into. */
export const PUSH_REPOSITORIES: Resource = defineResource({
  model: 'container.containerpushrepository',
  tag: 'Repositories: Container_Push',
  schema: 'container.ContainerPushRepository',
  fields: { ...commonFields('container.containerpushrepository'), manifest_signing_service: signingService },
  filters,
  ordering,
  defaultOrder: BY_NAME,
  access: PUSH_REPOSITORY_RULES,
  body: PushRepositoryBody,
});

/** All repositories, whatever their type. */
export const ALL_REPOSITORIES: Resource = defineResource({
  model: 'container.containerrepository',
  models: ['container.containerrepository', 'container.containerpushrepository'],
  path: 'repositories',
  tag: 'Repositories',
  schema: 'Repository',
  component: 'core',
  where: 'true',
  fields: {
    ...commonFields('container.containerrepository'),
    ...REPOSITORY_NAMES.fields,
    remote,
  },
  filters: [...filters, ...REPOSITORY_NAMES.filters],
  ordering,
  defaultOrder: BY_NAME,
  access: { actions: { list: 'authenticated' }, scope: repositoryScope },
});
