import { inTransaction } from '#platform/database.js';
import type { RestContext } from '../context.js';
import { requireKeyOf } from '../keys.js';
import { DeleteRoute, type Answer } from '../operation.js';
import type { Schema } from '../fields.js';
import type { Resource } from '../resource.js';
import type { Rest } from '../rest.js';
import type { StandardRoute } from '../rest-controller.js';
import { deleteObject } from '../writing/general-tasks.js';
import { differing, type Writer } from '../writing/writer.js';
import { readColumns, updateRoutes, type Writing } from './writing.js';

const DETAIL: Schema = { type: 'object', properties: { detail: { type: 'string' } }, required: ['detail'] };

/** Answers of routes that something else may stand in the way of. */
export const IN_THE_WAY = { 409: { schema: 'ErrorDetail', of: DETAIL } } as const;

async function update<Body extends object>(
  writing: Writing<Body>,
  rest: Rest,
  resource: Resource,
  context: RestContext,
  partial: boolean,
): Promise<object> {
  const id = requireKeyOf(resource, context.param('id'));
  await rest.demandExists(resource, id);
  const columns = await readColumns(writing, { rest, context, id }, partial);
  return inTransaction(rest.source, async (tx) => {
    const changed = await differing(tx, writing.writer, id, columns);
    if (Object.keys(changed).length > 0) await writing.writer.update(tx, id, changed);
    return rest.show(resource, id, tx);
  });
}

/** `PUT member/` and `PATCH member/` that answer with the changed resource. */
export const updatingAtOnce = <Body extends object>(
  writing: Writing<Body>,
  more: Readonly<Record<number, Answer>> = {},
): readonly StandardRoute[] => updateRoutes({ 200: 'resource', ...more }, (...request) => update(writing, ...request));

/** `DELETE member/` that is done when it answers: 204. */
export const deletingAtOnce = (
  writer: Writer,
  more: Readonly<Record<number, Answer>> = {},
): readonly StandardRoute[] => [
  {
    name: 'delete',
    route: DeleteRoute(':id', { action: 'delete', summary: 'Delete', answers: { 204: 'empty', ...more } }),
    async handle(rest, resource, context) {
      const id = requireKeyOf(resource, context.param('id'));
      await rest.demandExists(resource, id);
      await inTransaction(rest.source, (tx) => deleteObject(tx, writer, id));
    },
  },
];
