import { forbidden } from '#platform/domain-error.js';
import { rowsOf } from '#platform/database.js';
import { on } from '../rest/access/rules.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { creating, deleting, type WriteScope } from '../rest/standard/writing.js';
import { insertRow, updateRow, type GoneObject } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { removeDistribution } from '../distributions/distribution.writer.js';
import { NamespaceBody, NAMESPACES } from './namespaces.resource.js';

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
