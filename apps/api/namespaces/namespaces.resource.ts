import { ownedRules } from '../rest/access/rules.js';
import { LabelsField } from '../rest/body/labels.js';
import { TextField } from '../rest/body/fields.js';
import { baseFields, labels, text } from '../rest/fields.js';
import { labelSelect } from '../rest/filters/label-select.js';
import { textFilters } from '../rest/filters/text.js';
import { BY_NAME } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';

/** What a namespace is made from. */
export class NamespaceBody {
  @TextField({
    pattern: {
      regex: /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/,
      message: 'A namespace has lower case letters and digits, with dots, dashes or underscores between them.',
    },
    max: 255,
  })
  name: string;

  @LabelsField()
  pulp_labels?: Record<string, string | null>;
}

const owned = ownedRules('container.containernamespace', 'container.containernamespace_owner');

/** First components of distribution paths. */
export const NAMESPACES = defineResource({
  model: 'container.containernamespace',
  tag: 'Pulp_Container: Namespaces',
  schema: 'container.ContainerNamespace',
  fields: { ...baseFields('container.containernamespace'), name: text('t.name'), pulp_labels: labels() },
  filters: [...textFilters('name', 't.name'), labelSelect()],
  defaultOrder: BY_NAME,
  access: { ...owned, actions: { ...owned.actions, create: 'authenticated' } },
  body: NamespaceBody,
});
