import { createRole, deleteRole, getRole, updateRole } from '#access/roles.js';
import { modelOf, PERMISSION_NAMES } from '#access/permission-names.js';
import { forbidden } from '#platform/domain-error.js';
import { SUPERUSERS_ONLY } from '../rest/access/rules.js';
import { TextField, TextListField } from '../rest/body/fields.js';
import { badField } from '../rest/errors.js';
import { baseFields, flag, text, texts } from '../rest/fields.js';
import { several, single, type Filter } from '../rest/filters/filter.js';
import { flagFilter } from '../rest/filters/ordered.js';
import { textFilters } from '../rest/filters/text.js';
import { locate } from '../rest/models.js';
import { BY_NAME } from '../rest/ordering.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { creating, type Writing } from '../rest/standard/writing.js';
import { deletingAtOnce, updatingAtOnce } from '../rest/standard/writing-at-once.js';
import { registerWriter } from '../rest/writing/writers.js';

class RoleBody {
  @TextField({ description: 'The name of this role.' })
  name: string;

  @TextField({ optional: true, nullable: true, description: 'An optional description.' })
  description?: string | null;

  @TextListField({ description: 'List of permissions defining the role.' })
  permissions: string[];
}

const containsPermission: Filter = {
  name: 'contains_permission',
  schema: { type: 'array', items: { type: 'string' } },
  description: 'Filter roles that have any of the permissions in the list.',
  compile: (raw, { values }) => `t.permissions && ${values.bind(several(raw))}::text[]`,
};

const forObjectType: Filter = {
  name: 'for_object_type',
  schema: { type: 'string' },
  description: 'Filter roles that only have permissions for the specified object HREF.',
  compile(raw, { values }) {
    const found = locate(single(raw));
    if (!found) throw badField('for_object_type', 'Invalid hyperlink - No URL match.');
    const suiting = PERMISSION_NAMES.filter((name) => modelOf(name) === found.model);
    return `t.permissions && ${values.bind(suiting)}::text[]`;
  },
};

const ROLE_RESOURCE: Resource = defineResource({
  model: 'core.role',
  tag: 'Roles',
  schema: 'Role',
  fields: {
    ...baseFields('core.role'),
    name: text('t.name'),
    description: text('t.description', { nullable: true }),
    permissions: texts('t.permissions'),
    locked: flag('t.locked', { readOnly: true, description: 'True if the role is system managed.' }),
  },
  filters: [
    ...textFilters('name', 't.name'),
    flagFilter('locked', 't.locked'),
    ...textFilters('description', 't.description', ['exact', 'iexact', 'contains', 'icontains']),
    containsPermission,
    forObjectType,
  ],
  defaultOrder: BY_NAME,
  access: SUPERUSERS_ONLY,
  body: RoleBody,
});

const WRITER = registerWriter({
  resource: ROLE_RESOURCE,
  create: async (tx, columns) => (await createRole(tx, columns as unknown as RoleBody)).id,
  update: async (tx, id, columns) => {
    await updateRole(tx, id, columns as Partial<RoleBody>);
  },
  remove: async (tx, id) => {
    await deleteRole(tx, id);
    return [{ model: 'core.role', id }];
  },
});

const WRITING: Writing<RoleBody> = {
  writer: WRITER,
  body: RoleBody,
  unique: ['name'],
  columns: async (body, { rest, id }) => {
    if (id !== undefined && (await getRole(rest.source.manager, id)).locked) throw forbidden('The role is locked.');
    return Object.fromEntries(Object.entries(body));
  },
};

/** Named sets of permissions. */
@ResourceController(ROLE_RESOURCE, LIST, READ, creating(WRITING), updatingAtOnce(WRITING), deletingAtOnce(WRITER))
export class RolesController extends RestHost {}
