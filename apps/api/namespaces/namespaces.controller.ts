import { forbidden } from '#platform/domain-error.js';
import { rowsOf } from '#platform/database.js';
import { on, ownedRules } from '../rest/access/rules.js';
import { LabelsField } from '../rest/body/labels.js';
import { TextField } from '../rest/body/fields.js';
import { baseFields, labels, text } from '../rest/fields.js';
import { labelSelect } from '../rest/filters/label-select.js';
import { textFilters } from '../rest/filters/text.js';
import { BY_NAME } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { creating, deleting, type WriteScope } from '../rest/standard/writing.js';
import { insertRow, updateRow, type GoneObject } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { removeDistribution } from '../distributions/distribution.writer.js';

class NamespaceBody {
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
  ordering: { name: 't.name' },
  defaultOrder: BY_NAME,
  access: { ...owned, actions: { ...owned.actions, create: 'authenticated' } },
  body: NamespaceBody,
});

const WRITER = registerWriter({
  resource: NAMESPACES,
  create: (tx, columns) => insertRow(tx, 'namespace', columns),
  update: (tx, id, columns) => updateRow(tx, 'namespace', id, columns),
  async remove(tx, id) {
    const gone: GoneObject[] = [{ model: 'container.containernamespace', id }];
    const served = await rowsOf<{ id: string }>(tx, 'select id from distribution where namespace_id = $1', [id]);
    for (const distribution of served) gone.push(...(await removeDistribution(tx, distribution.id)));
    await tx.query('delete from namespace where id = $1', [id]);
    return gone;
  },
});

/** Everybody may have the namespace of his own name. */
async function namespaceColumns(body: NamespaceBody, { rest, context }: WriteScope) {
  const { principal } = context;
  const mine = principal.username === body.name;
  if (!mine && !(await rest.decisions.allows(context, [[on('container.add_containernamespace')]]))) throw forbidden();
  return { name: body.name, pulp_labels: body.pulp_labels };
}

const WRITING = { writer: WRITER, body: NamespaceBody, unique: ['name'], columns: namespaceColumns };

/** First components of distribution paths, on which rights can be given. */
@ResourceController(NAMESPACES, LIST, READ, creating(WRITING), deleting(), ROLES)
export class NamespacesController extends RestHost {}
