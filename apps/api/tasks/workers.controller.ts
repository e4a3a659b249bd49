import { SUPERUSERS_ONLY } from '../rest/access/rules.js';
import { baseFields, href, text, textMap, time } from '../rest/fields.js';
import { flagFilter, timeFilters } from '../rest/filters/ordered.js';
import { textFilters } from '../rest/filters/text.js';
import { ordersNothing } from '../rest/ordering.js';
import { defineResource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';

const ALIVE = `t.last_heartbeat > now() - interval '30 seconds'`;

const WORKERS = defineResource({
  model: 'core.worker',
  tag: 'Workers',
  schema: 'Worker',
  fields: {
    ...baseFields('core.worker'),
    name: text('t.name', { readOnly: true }),
    last_heartbeat: time('t.last_heartbeat'),
    versions: textMap('t.versions', { readOnly: true }),
    current_task: href('core.task', 't.current_task', { nullable: true, readOnly: true }),
  },
  filters: [
    ...textFilters('name', 't.name'),
    ...timeFilters('last_heartbeat'),
    flagFilter('online', ALIVE),
    flagFilter('missing', `not (${ALIVE})`),
  ],
  ordering: { last_heartbeat: 't.last_heartbeat', app_type: 't.app_type', ...ordersNothing('ttl') },
  access: SUPERUSERS_ONLY,
});

/** Processes that run tasks. */
@ResourceController(WORKERS, LIST, READ)
export class WorkersController extends RestHost {}
