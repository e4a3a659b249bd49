import { rowsOf } from '#platform/database.js';
import type { RestContext } from '../rest/context.js';
import { noMatch } from '../rest/errors.js';
import { requireKeyOf } from '../rest/keys.js';
import { DeleteRoute, GetRoute } from '../rest/operation.js';
import type { Place } from '../rest/place.js';
import type { Resource } from '../rest/resource.js';
import type { StandardRoute } from '../rest/rest-controller.js';
import type { SqlValues } from '../rest/sql.js';

/** Where runs of an exporter or importer live. */
export const runPlace = (resource: Resource, parent: Resource, key: string): Place => ({
  path: resource.path,
  tag: resource.tag,
  operations: resource.operations,
  resource,
  parent: { resource: parent, key },
  member: { parameter: resource.parameter, key: 'id' },
});

/** List, read and delete of runs below the exporter or importer in the path. */
export function runRoutes(parent: Resource, key: string, column: string): readonly StandardRoute[] {
  const below = (context: RestContext) => (values: SqlValues) =>
    `t.${column} = ${values.bind(context.param(key))}::uuid`;
  return [
    {
      name: 'list',
      route: GetRoute('', { action: 'list', summary: 'List', answers: { 200: 'page' } }),
      async handle(rest, resource, context) {
        await rest.demandExists(parent, context.param(key));
        return rest.list(context, resource, below(context));
      },
    },
    {
      name: 'read',
      route: GetRoute(':id', { action: 'read', summary: 'Inspect', answers: { 200: 'resource' } }),
      async handle(rest, resource, context) {
        await rest.demandExists(parent, context.param(key));
        const id = requireKeyOf(resource, context.param('id'));
        const inside = below(context);
        return rest.read(context, resource, (values) => `t.id = ${values.bind(id)} and ${inside(values)}`);
      },
    },
    {
      name: 'delete',
      route: DeleteRoute(':id', { action: 'delete', summary: 'Delete', answers: { 204: 'empty' } }),
      async handle(rest, resource, context) {
        await rest.demandExists(parent, context.param(key));
        const id = requireKeyOf(resource, context.param('id'));
        const table = resource.from.split(' ', 1)[0]!;
        const gone = await rowsOf(rest.source, `delete from ${table} where id = $1 and ${column} = $2 returning id`, [
          id,
          context.param(key),
        ]);
        if (gone.length === 0) throw noMatch(resource.noun);
      },
    },
  ];
}
