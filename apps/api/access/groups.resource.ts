import { createGroup, deleteGroup, renameGroup } from '#access/groups.js';
import { ownedRules } from '../rest/access/rules.js';
import { TextField } from '../rest/body/fields.js';
import { derived, href, text, whole } from '../rest/fields.js';
import { numberFilters } from '../rest/filters/ordered.js';
import { textFilters, textIn } from '../rest/filters/text.js';
import { prnOf } from '../rest/models.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { registerWriter } from '../rest/writing/writers.js';

/** What a group is made from or changed by. */
export class GroupBody {
  @TextField({ max: 150, description: 'Name' })
  name: string;
}

/** Users that get roles together. */
export const GROUPS: Resource = defineResource({
  model: 'core.group',
  tag: 'Groups',
  schema: 'Group',
  fields: {
    name: text('t.name'),
    pulp_href: href('core.group', 't.id', { readOnly: true }),
    prn: derived('t.id', { type: 'string' }, (id: number) => prnOf('core.group', id)),
    id: whole('t.id', { readOnly: true }),
  },
  filters: [
    ...textFilters('name', 't.name'),
    ...numberFilters('id', 't.id', ['exact']),
    textIn('id__in', 't.id::text'),
  ],
  ordering: { id: 't.id', name: 't.name', pulp_created: 't.id', pulp_last_updated: 't.id' },
  access: ownedRules('core.group', 'core.group_owner'),
  body: GroupBody,
});

/** Writes groups. */
export const GROUP_WRITER = registerWriter({
  resource: GROUPS,
  create: async (tx, { name }) => String((await createGroup(tx, name as string)).id),
  update: async (tx, id, { name }) => {
    if (name !== undefined) await renameGroup(tx, Number(id), name as string);
  },
  remove: async (tx, id) => {
    await deleteGroup(tx, Number(id));
    return [{ model: 'core.group', id }];
  },
});
