import { objectKey } from '#access/permission-names.js';
import { assignRole, deleteAssignment, type Holder } from '#access/role-assignments.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { SUPERUSERS_ONLY, type AccessRules } from '../rest/access/rules.js';
import { bodyField } from '../rest/body/body-field.js';
import { TextField } from '../rest/body/fields.js';
import type { RestContext } from '../rest/context.js';
import { badField, noMatch } from '../rest/errors.js';
import { baseFields, constant, derived, text, texts } from '../rest/fields.js';
import { requireKeyOf } from '../rest/keys.js';
import { hrefTo, locate, MODELS, prnOf, type Located } from '../rest/models.js';
import { DeleteRoute, GetRoute, PostRoute } from '../rest/operation.js';
import { defineResource, type Resource } from '../rest/resource.js';
import type { StandardRoute } from '../rest/rest-controller.js';
import type { Rest } from '../rest/rest.js';
import type { SqlValues } from '../rest/sql.js';
import { textFilters } from '../rest/filters/text.js';
import { flagFilter } from '../rest/filters/ordered.js';
import { single, type Filter } from '../rest/filters/filter.js';
import { assignedTo } from './object-of.js';

const anyReference = (schema: object) =>
  bodyField({ type: 'string', ...schema }, { optional: true, nullable: true }, (value) => {
    const found = typeof value === 'string' ? locate(value) : undefined;
    if (value === '') return { value: null };
    return found && 'id' in found ? { value: found } : { problem: ['Invalid hyperlink - No URL match.'] };
  });

/** A role to give to one user or group. */
export class AssignmentBody {
  @TextField({ description: 'The name of the role.' })
  role: string;

  @anyReference({
    format: 'uri',
    description: 'pulp_href of the object for which role permissions should be asserted.',
  })
  content_object?: Located | null;

  @anyReference({ description: 'prn of the object for which role permissions should be asserted.' })
  content_object_prn?: Located | null;

  @TextField({ optional: true, nullable: true, description: 'Domains are off: only null.' })
  domain?: string | null;
}

const LOOKED_UP = (name: string, column: string): Filter => ({
  name,
  schema: { type: 'string' },
  description: `Filter by ${name}, as an href, a PRN or null.`,
  compile(raw, { values }) {
    const value = single(raw);
    if (value === 'null') return `${column} is null`;
    const found = locate(value);
    if (!found || !('id' in found)) throw badField(name, 'Invalid hyperlink - No URL match.');
    return `${column} = ${values.bind(objectKey(found.model, found.id))}`;
  },
});

/** The roles of users, or those of groups. */
export function assignedRoles(model: 'core.userrole' | 'core.grouprole', parent: 'users' | 'groups'): Resource {
  const [owner, column] =
    parent === 'users' ? (['auth.user', 't.user_id'] as const) : (['core.group', 't.group_id'] as const);
  const access: AccessRules =
    parent === 'users'
      ? SUPERUSERS_ONLY
      : {
          model: 'core.group',
          actions: {
            list: [[{ permission: 'core.view_group', on: 'object' }]],
            read: [[{ permission: 'core.view_group', on: 'object' }]],
          },
        };
  return defineResource({
    model,
    path: `${parent}/:holder/roles`,
    operations: `${parent}_roles`,
    tag: parent === 'users' ? 'Users: Roles' : 'Groups: Roles',
    schema: parent === 'users' ? 'UserRole' : 'GroupRole',
    from: 'role_assignment t join role r on r.id = t.role_id',
    where: `${column} is not null`,
    fields: {
      ...baseFields(model),
      pulp_href: derived(`${column} || '/roles/' || t.id`, { type: 'string', format: 'uri' }, (tail: string) =>
        hrefTo(owner, tail),
      ),
      role: text('r.name'),
      content_object: derived(
        't.content_object',
        { type: 'string', format: 'uri', nullable: true },
        (key: string | null) => assignedTo(key, hrefTo),
        false,
      ),
      content_object_prn: derived('t.content_object', { type: 'string', nullable: true }, (key: string | null) =>
        assignedTo(key, prnOf),
      ),
      description: text('r.description', { nullable: true, readOnly: true }),
      permissions: texts('r.permissions', { readOnly: true }),
      domain: constant(null, { type: 'string', format: 'uri', nullable: true }),
    },
    filters: [
      ...textFilters('role', 'r.name', ['exact', 'in', 'contains', 'icontains', 'startswith']),
      LOOKED_UP('content_object', 't.content_object'),
      LOOKED_UP('content_object_prn', 't.content_object'),
      { name: 'domain', schema: { type: 'string' }, compile: (raw) => (single(raw) === 'null' ? 'true' : 'false') },
      flagFilter('global', 't.content_object is null'),
    ],
    ordering: { role: 'r.name', description: 'r.description' },
    access,
    body: AssignmentBody,
  });
}

const isUserRole = ({ model }: Resource): boolean => model === 'core.userrole';

/** The user or group in the path, who must exist. */
async function holderOf(rest: Rest, context: RestContext, resource: Resource): Promise<Holder> {
  const model = isUserRole(resource) ? MODELS['auth.user'] : MODELS['core.group'];
  const id = context.param('holder');
  const known = /^\d{1,9}$/.test(id)
    ? await rowsOf(rest.source, `select 1 from ${model.table} where id = $1`, [id])
    : [];
  if (known.length === 0) throw noMatch(model.noun);
  return isUserRole(resource) ? { userId: Number(id) } : { groupId: Number(id) };
}

function within(context: RestContext, resource: Resource): (values: SqlValues) => string {
  const id = context.param('holder');
  if (!/^\d{1,9}$/.test(id)) return () => 'false';
  return (values) => `t.${isUserRole(resource) ? 'user_id' : 'group_id'} = ${values.bind(Number(id))}`;
}

async function requireObject(
  rest: Rest,
  located: Located | null | undefined,
  field: string,
): Promise<string | null | undefined> {
  if (!located) return located;
  if (!('id' in located)) throw badField(field, 'Invalid hyperlink - Incorrect URL match.');
  const { table } = MODELS[located.model];
  const rows: unknown[] = await rest.source.query(`select 1 from ${table} t where t.id = $1`, [located.id]);
  if (rows.length === 0) throw badField(field, 'Invalid hyperlink - Object does not exist.');
  return objectKey(located.model, located.id);
}

async function create(rest: Rest, resource: Resource, context: RestContext): Promise<object> {
  const holder = await holderOf(rest, context, resource);
  const body = await rest.body(context, AssignmentBody);
  const contentObject =
    (await requireObject(rest, body.content_object, 'content_object')) ??
    (await requireObject(rest, body.content_object_prn, 'content_object_prn')) ??
    (body.content_object === null || body.content_object_prn === null ? null : undefined);
  if (body.domain) throw badField('domain', 'Domains are off: leave it out, or say null.');
  return inTransaction(rest.source, async (tx) => {
    const assignment = { role: body.role, ...(contentObject === undefined ? {} : { contentObject }) };
    const { id } = await assignRole(tx, holder, assignment);
    return rest.show(resource, id, tx);
  });
}

/** Routes of the roles of one user or group. */
export const ASSIGNED_ROLES: readonly StandardRoute[] = [
  {
    name: 'list',
    route: GetRoute('', { action: 'list', summary: 'List', answers: { 200: 'page' } }),
    handle: (rest, resource, context) => rest.list(context, resource, within(context, resource)),
  },
  {
    name: 'create',
    route: PostRoute('', { action: 'create', summary: 'Create', body: 'resource', answers: { 201: 'resource' } }),
    handle: create,
  },
  {
    name: 'read',
    route: GetRoute(':id', { action: 'read', summary: 'Inspect', answers: { 200: 'resource' } }),
    handle(rest, resource, context) {
      const id = requireKeyOf(resource, context.param('id'));
      const own = within(context, resource);
      return rest.read(context, resource, (values) => `t.id = ${values.bind(id)} and ${own(values)}`);
    },
  },
  {
    name: 'delete',
    route: DeleteRoute(':id', { action: 'delete', summary: 'Delete', answers: { 204: 'empty' } }),
    async handle(rest, resource, context) {
      const id = requireKeyOf(resource, context.param('id'));
      const holder = await holderOf(rest, context, resource);
      await inTransaction(rest.source, (tx) => deleteAssignment(tx, holder, id));
    },
  },
];
