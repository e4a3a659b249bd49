import { addMember, removeMember } from '#access/groups.js';
import { inTransaction } from '#platform/database.js';
import { on, type Rule } from '../rest/access/rules.js';
import { TextField } from '../rest/body/fields.js';
import { Context, type RestContext } from '../rest/context.js';
import { derived, text } from '../rest/fields.js';
import { noMatch } from '../rest/errors.js';
import { hrefTo, prnOf } from '../rest/models.js';
import { DeleteRoute, GetRoute, PostRoute } from '../rest/operation.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { PlacedController, RestHost } from '../rest/rest-controller.js';
import type { SqlValues } from '../rest/sql.js';
import { GROUPS } from './groups.resource.js';

class GroupUserBody {
  @TextField({ max: 150 })
  username: string;
}

const change: Rule = [[on('core.change_group')]];
const view: Rule = [[on('core.view_group')]];

/** Members of one group. */
const GROUP_USERS: Resource = defineResource({
  model: 'core.groupuser',
  path: 'groups/:group/users',
  operations: 'groups_users',
  tag: 'Groups: Users',
  schema: 'GroupUser',
  bare: true,
  from: 'access_group_member m join user_account t on t.id = m.user_id',
  fields: {
    username: text('t.username'),
    pulp_href: derived(
      `m.group_id || '/users/' || t.id`,
      { type: 'string', format: 'uri' },
      (tail: string) => `${hrefTo('core.group', tail)}`,
    ),
    prn: derived('t.id', { type: 'string' }, (id: number) => prnOf('auth.user', id)),
  },
  defaultOrder: [{ sql: 't.username', descending: false }],
  access: { model: 'core.group', actions: { list: view, create: change, delete: change } },
  body: GroupUserBody,
});

const PLACE = {
  path: 'groups/:group/users',
  tag: GROUP_USERS.tag,
  operations: GROUP_USERS.operations,
  resource: GROUP_USERS,
  parent: { resource: GROUPS, key: 'group' },
  member: { parameter: 'groups_user_href', key: 'id' },
};

const memberOf = (context: RestContext) => (values: SqlValues) => `m.group_id = ${values.bind(groupOf(context))}`;
const groupOf = (context: RestContext) => Number(context.param('group'));

/** Members of one group. */
@PlacedController(PLACE, GROUP_USERS)
export class GroupUsersController extends RestHost {
  @GetRoute('', { action: 'list', summary: 'List', answers: { 200: 'page' } })
  list(@Context() context: RestContext) {
    return this.rest.list(context, GROUP_USERS, memberOf(context));
  }

  @PostRoute('', { action: 'create', summary: 'Create', body: 'resource', answers: { 201: 'resource' } })
  async create(@Context() context: RestContext) {
    const { username } = await this.rest.body(context, GroupUserBody);
    const user = await inTransaction(this.rest.source, (tx) => addMember(tx, groupOf(context), username));
    return {
      username: user.username,
      pulp_href: hrefTo('core.group', `${groupOf(context)}/users/${user.id}`),
      prn: prnOf('auth.user', user.id),
    };
  }

  @DeleteRoute(':id', { action: 'delete', summary: 'Delete', answers: { 204: 'empty' } })
  async delete(@Context() context: RestContext): Promise<void> {
    const id = context.param('id');
    if (!/^\d{1,9}$/.test(id)) throw noMatch('User');
    await inTransaction(this.rest.source, (tx) => removeMember(tx, groupOf(context), Number(id)));
  }
}
