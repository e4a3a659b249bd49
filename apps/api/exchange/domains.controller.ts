import { GUARD_MODELS } from '../guards/guard.body.js';
import { READ_BY_ALL } from '../rest/access/rules.js';
import { FlagField, JsonField, ReferenceField, TextField } from '../rest/body/fields.js';
import { LabelsField } from '../rest/body/labels.js';
import { Context, type RestContext } from '../rest/context.js';
import { badRequest } from '../rest/errors.js';
import { anyObject, baseFields, constant, flag, labels, text } from '../rest/fields.js';
import { labelSelect } from '../rest/filters/label-select.js';
import { textFilters } from '../rest/filters/text.js';
import { requireKeyOf } from '../rest/keys.js';
import type { Located } from '../rest/models.js';
import { DeleteRoute, PatchRoute, PostRoute, PutRoute } from '../rest/operation.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';

class DomainBody {
  @TextField({ max: 50, description: 'A name for this domain.' })
  name: string;

  @TextField({ optional: true, nullable: true, description: 'An optional description.' })
  description?: string | null;

  @LabelsField()
  pulp_labels?: Record<string, string | null>;

  @TextField({ description: 'Backend storage class for domain.' })
  storage_class: string;

  @JsonField({ object: true, description: 'Settings for storage class.' })
  storage_settings: unknown;

  @FlagField({ optional: true, description: 'Boolean to have the content app redirect to object storage.' })
  redirect_to_object_storage?: boolean;

  @FlagField({ optional: true, description: 'Boolean to hide distributions with a content guard in the content app.' })
  hide_guarded_distributions?: boolean;

  @ReferenceField(GUARD_MODELS, { optional: true, nullable: true, description: 'Guard of new distributions.' })
  default_content_guard?: Located | null;
}

/** The one domain that there is. */
const DOMAINS: Resource = defineResource({
  model: 'core.domain',
  tag: 'Domains',
  schema: 'Domain',
  fields: {
    ...baseFields('core.domain'),
    name: text('t.name'),
    description: text('t.description', { nullable: true }),
    pulp_labels: labels(),
    storage_class: text('t.storage_class', { choices: ['pulpcore.app.models.storage.FileSystem'] }),
    storage_settings: anyObject('t.storage_settings'),
    redirect_to_object_storage: flag('t.redirect_to_object_storage'),
    hide_guarded_distributions: flag('t.hide_guarded_distributions'),
    default_content_guard: constant(null, { type: 'string', format: 'uri', nullable: true }),
    default_content_guard_prn: constant(null, { type: 'string', nullable: true }),
  },
  filters: [...textFilters('name', 't.name'), labelSelect()],
  ordering: { pulp_labels: 't.pulp_labels' },
  access: READ_BY_ALL,
  body: DomainBody,
});

const BODY = { body: 'resource', answers: { 201: 'resource' } } as const;
const TASK = { 202: 'task' } as const;

/** Domains are off: the default one is shown, and nothing of it changes. */
@ResourceController(DOMAINS, LIST, READ)
export class DomainsController extends RestHost {
  @PostRoute('', { action: 'create', summary: 'Create', ...BODY })
  async create(@Context() context: RestContext): Promise<never> {
    await this.rest.body(context, DomainBody);
    throw badRequest(['Domains not enabled.']);
  }

  @PutRoute(':id', { action: 'update', summary: 'Update', body: 'resource', answers: TASK })
  update(@Context() context: RestContext): Promise<never> {
    return this.refuse(context, 'Default domain can not be updated.');
  }

  @PatchRoute(':id', { action: 'partial_update', summary: 'Update', body: 'partial', answers: TASK })
  partialUpdate(@Context() context: RestContext): Promise<never> {
    return this.refuse(context, 'Default domain can not be updated.');
  }

  @DeleteRoute(':id', { action: 'delete', summary: 'Delete', answers: TASK })
  delete(@Context() context: RestContext): Promise<never> {
    return this.refuse(context, 'Default domain can not be deleted.');
  }

  private async refuse(context: RestContext, why: string): Promise<never> {
    await this.rest.show(DOMAINS, requireKeyOf(DOMAINS, context.param('id')));
    throw badRequest([why]);
  }
}
