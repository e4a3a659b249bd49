import { requireKeyOf } from '../keys.js';
import { GetRoute } from '../operation.js';
import type { StandardRoute } from '../rest-controller.js';

/** `GET collection/`. */
export const LIST: readonly StandardRoute[] = [
  {
    name: 'list',
    route: GetRoute('', { action: 'list', summary: 'List', answers: { 200: 'page' } }),
    handle: (rest, resource, context) => rest.list(context, resource),
  },
];

/** `GET member/`. */
export const READ: readonly StandardRoute[] = [
  {
    name: 'read',
    route: GetRoute(':id', { action: 'read', summary: 'Inspect', answers: { 200: 'resource' } }),
    handle(rest, resource, context) {
      const key = requireKeyOf(resource, context.param('id'));
      return rest.read(context, resource, (values) => `t.id = ${values.bind(key)}`);
    },
  },
];
