import { createUser, deleteUser, updateUser, type UserFields } from '#access/users.js';
import { SUPERUSERS_ONLY } from '../rest/access/rules.js';
import { derived, flag, hiddenFields, href, text, time, whole } from '../rest/fields.js';
import { flagFilter } from '../rest/filters/ordered.js';
import { textFilters } from '../rest/filters/text.js';
import { hrefTo, prnOf } from '../rest/models.js';
import { ordersNothing } from '../rest/ordering.js';
import { defineResource, type Resource } from '../rest/resource.js';
import type { Columns, Writer } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { UserBody } from './dto/user.body.js';

interface GroupRow {
  readonly id: number;
  readonly name: string;
}

const GROUPS_SQL = `coalesce((select json_agg(json_build_object('id', g.id, 'name', g.name) order by g.name)
  from access_group g join access_group_member m on m.group_id = g.id where m.user_id = t.id), '[]')`;

const GROUP_LIST = {
  type: 'array',
  items: {
    title: 'UserGroupResponse',
    type: 'object',
    properties: {
      name: { type: 'string' },
      pulp_href: { type: 'string', format: 'uri', readOnly: true },
      prn: { type: 'string', readOnly: true },
    },
    required: ['name'],
  },
};

/** People and scripts that sign in. */
export const USERS: Resource = defineResource({
  model: 'auth.user',
  tag: 'Users',
  schema: 'User',
  fields: {
    pulp_href: href('auth.user', 't.id', { readOnly: true }),
    prn: derived('t.id', { type: 'string' }, (id: number) => prnOf('auth.user', id)),
    id: whole('t.id', { readOnly: true }),
    username: text('t.username'),
    first_name: text('t.first_name'),
    last_name: text('t.last_name'),
    email: text('t.email'),
    is_staff: flag('t.is_staff'),
    is_active: flag('t.is_active'),
    date_joined: time('t.date_joined', { description: 'Date joined' }),
    groups: derived(GROUPS_SQL, GROUP_LIST, (groups: GroupRow[]) =>
      groups.map(({ id, name }) => ({ name, pulp_href: hrefTo('core.group', id), prn: prnOf('core.group', id) })),
    ),
    hidden_fields: hiddenFields(['password'], () => 't.password_hash'),
  },
  filters: [
    ...textFilters('username', 't.username'),
    ...textFilters('first_name', 't.first_name'),
    ...textFilters('last_name', 't.last_name'),
    ...textFilters('email', 't.email'),
    flagFilter('is_active', 't.is_active'),
    flagFilter('is_staff', 't.is_staff'),
  ],
  ordering: {
    id: 't.id',
    is_superuser: 't.is_superuser',
    date_joined: 't.date_joined',
    last_login: 't.last_login',
    pulp_created: 't.date_joined',
    pulp_last_updated: 't.date_joined',
    ...ordersNothing('password'),
  },
  access: { ...SUPERUSERS_ONLY, scope: (facts, values) => `t.id = ${values.bind(facts.userId ?? -1)}` },
  body: UserBody,
});

const MEMBERS: Readonly<Record<string, keyof UserFields>> = {
  username: 'username',
  password_hash: 'passwordHash',
  first_name: 'firstName',
  last_name: 'lastName',
  email: 'email',
  is_staff: 'isStaff',
  is_active: 'isActive',
};

/** Columns as the functions of accounts take them. */
export const userFields = (columns: Columns): Partial<UserFields> =>
  Object.fromEntries(
    Object.entries(MEMBERS)
      .filter(([column]) => columns[column] !== undefined)
      .map(([column, member]) => [member, columns[column]]),
  );

/** Writes accounts; the last active superuser stays one. */
export const USER_WRITER: Writer = registerWriter({
  resource: USERS,
  create: async (tx, columns) => {
    const user = await createUser(tx, { ...userFields(columns), username: columns['username'] as string });
    return String(user.id);
  },
  update: async (tx, id, columns) => {
    await updateUser(tx, Number(id), userFields(columns));
  },
  remove: async (tx, id) => {
    await deleteUser(tx, Number(id));
    return [{ model: 'auth.user', id }];
  },
});
