import { createRobot, revokeRobot } from '#access/robots.js';
import { REGISTRY_ACTIONS, type RobotScope } from '#access/robot-scope.js';
import { getUser } from '#access/users.js';
import { inTransaction } from '#platform/database.js';
import { forbidden } from '#platform/domain-error.js';
import type { AccessRules } from '../rest/access/rules.js';
import { bodyField } from '../rest/body/body-field.js';
import { ReferenceField, TextField, TimeField } from '../rest/body/fields.js';
import { Context, type RestContext } from '../rest/context.js';
import { badField } from '../rest/errors.js';
import { baseFields, flag, href, json, text, time } from '../rest/fields.js';
import { flagFilter, timeFilters } from '../rest/filters/ordered.js';
import { textFilters } from '../rest/filters/text.js';
import { requireKeyOf } from '../rest/keys.js';
import type { Located } from '../rest/models.js';
import { DeleteRoute, PostRoute } from '../rest/operation.js';
import { BY_NAME } from '../rest/ordering.js';
import { defineResource, type Resource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST, READ } from '../rest/standard/reading.js';

const SCOPES = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      repository: { type: 'string', description: 'Path of a repository; `*` is one component, `**` any number.' },
      actions: { type: 'array', items: { type: 'string', enum: REGISTRY_ACTIONS } },
    },
    required: ['repository', 'actions'],
  },
};

const isScope = (value: unknown): value is RobotScope =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as RobotScope).repository === 'string' &&
  Array.isArray((value as RobotScope).actions) &&
  Object.keys(value).length === 2;

class RobotBody {
  @TextField({ max: 100, description: 'It signs in as robot$ and this name.' })
  name: string;

  @bodyField(SCOPES, { description: 'What it may do, and where.' }, (value) =>
    Array.isArray(value) && value.every(isScope)
      ? { value }
      : { problem: ['Expected a list of objects with repository and actions.'] },
  )
  scopes: RobotScope[];

  @TimeField({ optional: true, nullable: true, description: 'It does not sign in from then on; null: never ends.' })
  expires_at?: string | null;

  @ReferenceField(['auth.user'], { optional: true, description: 'Whose rights bound it; superusers may name others.' })
  owner?: Located;
}

const RULES: AccessRules = {
  actions: { list: 'authenticated', read: 'authenticated', create: 'authenticated', delete: 'authenticated' },
  scope: (facts, values) => `t.owner_id = ${values.bind(facts.userId ?? -1)}`,
};

const ROBOTS: Resource = defineResource({
  model: 'hallmark.robotaccount',
  tag: 'Robots',
  schema: 'RobotAccount',
  component: 'hallmark',
  fields: {
    ...baseFields('hallmark.robotaccount'),
    name: text('t.name'),
    username: text(`'robot$' || t.name`, { readOnly: true, description: 'The name to sign in with.' }),
    owner: href('auth.user', 't.owner_id'),
    scopes: json('t.scopes'),
    expires_at: time('t.expires_at', { nullable: true, readOnly: false }),
    revoked_at: time('t.revoked_at', { nullable: true }),
    last_used: time('t.last_used', { nullable: true }),
    active: flag('(t.revoked_at is null and (t.expires_at is null or t.expires_at > now()))', { readOnly: true }),
  },
  filters: [
    ...textFilters('name', 't.name'),
    ...timeFilters('expires_at'),
    ...timeFilters('last_used'),
    flagFilter('active', 't.revoked_at is null and (t.expires_at is null or t.expires_at > now())'),
  ],
  ordering: { expires_at: 't.expires_at', last_used: 't.last_used' },
  defaultOrder: BY_NAME,
  access: RULES,
  body: RobotBody,
});

const SECRET = { type: 'object', properties: { secret: { type: 'string' } }, additionalProperties: {} };

/** Named, expiring, revocable credentials for machines. */
@ResourceController(ROBOTS, LIST, READ)
export class RobotsController extends RestHost {
  @PostRoute('', {
    action: 'create',
    summary: 'Create; the secret is in this answer and nowhere else',
    body: 'resource',
    answers: { 201: { schema: 'RobotAccountCreated', of: SECRET } },
  })
  async create(@Context() context: RestContext): Promise<object> {
    const { name, scopes, expires_at, owner } = await this.rest.body(context, RobotBody);
    const ownerId = await this.ownerOf(context, owner);
    const expiresAt = expires_at ? new Date(expires_at) : null;
    return inTransaction(this.rest.source, async (tx) => {
      const { robot, secret } = await createRobot(tx, { name, ownerId, scopes, expiresAt });
      return { ...(await this.rest.show(ROBOTS, robot.id, tx)), secret };
    });
  }

  @DeleteRoute(':id', {
    action: 'delete',
    summary: 'Revoke for good: secret and tokens stop working at once',
    answers: { 204: 'empty' },
  })
  async revoke(@Context() context: RestContext): Promise<void> {
    const id = requireKeyOf(ROBOTS, context.param('id'));
    await inTransaction(this.rest.source, (tx) => revokeRobot(tx, id));
  }

  private async ownerOf({ principal }: RestContext, owner: Located | undefined): Promise<number> {
    if (principal.kind !== 'user') throw forbidden();
    if (!owner || !('id' in owner)) return principal.id;
    const id = Number(owner.id);
    if (id !== principal.id && !principal.isSuperuser)
      throw badField('owner', 'Only a superuser makes robots for somebody else.');
    return (await getUser(this.rest.source.manager, id)).id;
  }
}
