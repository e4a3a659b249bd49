import { RepairBody } from '../maintenance/maintenance.body.js';
import { RepairVersion } from '../maintenance/repair-tasks.js';
import { protectedVersions } from '#content/versions/delete-version.js';
import { Context, type RestContext } from '../rest/context.js';
import { badRequest, noMatch } from '../rest/errors.js';
import { requireKeyOf } from '../rest/keys.js';
import { prnOf } from '../rest/models.js';
import { DeleteRoute, GetRoute, PostRoute } from '../rest/operation.js';
import type { Resource } from '../rest/resource.js';
import { PlacedController, ResourceController, RestHost } from '../rest/rest-controller.js';
import { LIST } from '../rest/standard/reading.js';
import type { SqlValues } from '../rest/sql.js';
import { PUSH_REPOSITORIES, REPOSITORIES } from './repositories.resource.js';
import { DeleteVersion } from './version-tasks.js';
import { ALL_VERSIONS, versionsBelow } from './versions.resource.js';

/** Versions below curated repositories. */
export const VERSIONS = versionsBelow(REPOSITORIES, 'Repositories: Container Versions');
/** Versions below repositories that clients push into. */
export const PUSH_VERSIONS = versionsBelow(PUSH_REPOSITORIES, 'Repositories: Container_Push Versions');

/** Where the versions below a type of repositories live. */
export const placeOf = (resource: Resource, parent: Resource) => ({
  path: `${parent.path}/:repository/versions`,
  tag: resource.tag,
  operations: resource.operations,
  resource,
  parent: { resource: parent, key: 'repository' },
  member: { parameter: resource.parameter, key: 'number' },
});

const IN_USE =
  'The repository version cannot be deleted because it (or its publications) are currently being used to distribute content. Please update the necessary distributions first.';

abstract class VersionRoutes extends RestHost {
  protected abstract readonly resource: Resource;
  protected abstract readonly parent: Resource;
  protected abstract readonly deletion: DeleteVersion;
  protected abstract readonly repairing: RepairVersion;

  protected async listBelow(context: RestContext) {
    await this.rest.demandExists(this.parent, context.param('repository'));
    return this.rest.list(context, this.resource, this.below(context));
  }

  protected readOne(context: RestContext) {
    const number = numberIn(context);
    const below = this.below(context);
    return this.rest.read(context, this.resource, (values) => `${below(values)} and t.number = ${values.bind(number)}`);
  }

  protected async deleteOne(context: RestContext) {
    const number = numberIn(context);
    const repositoryId = context.param('repository');
    await this.readOne(context);
    if ((await protectedVersions(this.rest.source.manager, repositoryId)).has(number)) throw badRequest([IN_USE]);
    const options = { exclusive: [prnOf(this.parent.model, repositoryId)] };
    return this.rest.dispatch(context, this.deletion.task, { repositoryId, number }, options);
  }

  protected async repairOne(context: RestContext) {
    const number = numberIn(context);
    const repositoryId = requireKeyOf(this.parent, context.param('repository'));
    await this.readOne(context);
    const { verify_checksums } = await this.rest.body(context, RepairBody);
    const payload = { version: { repositoryId, number }, verifyChecksums: verify_checksums };
    const options = { shared: [prnOf(this.parent.model, repositoryId)] };
    return this.rest.dispatch(context, this.repairing.task, payload, options);
  }

  private below(context: RestContext) {
    const id = requireKeyOf(this.parent, context.param('repository'));
    return (values: SqlValues) =>
      `t.repository_id = ${values.bind(id)} and ${this.parent.where.replaceAll('t.', 'r.')}`;
  }
}

function numberIn(context: RestContext): number {
  const text = context.param('number');
  if (!/^\d{1,9}$/.test(text)) throw noMatch('RepositoryVersion');
  return Number(text);
}

const LIST_ROUTE = { action: 'list', summary: 'List', answers: { 200: 'page' } } as const;
const READ_ROUTE = { action: 'read', summary: 'Inspect', answers: { 200: 'resource' } } as const;
const REPAIR_ROUTE = {
  action: 'repair',
  summary: 'Check the stored bytes of the version',
  body: { schema: 'Repair', of: RepairBody },
  answers: { 202: 'task' },
} as const;
const DELETE_ROUTE = { action: 'delete', summary: 'Delete', answers: { 202: 'task' } } as const;

/** Versions of repositories whose content is mirrored or curated. */
@PlacedController(placeOf(VERSIONS, REPOSITORIES), VERSIONS)
export class VersionsController extends VersionRoutes {
  protected readonly resource = VERSIONS;
  protected readonly parent = REPOSITORIES;

  constructor(
    protected readonly deletion: DeleteVersion,
    protected readonly repairing: RepairVersion,
  ) {
    super();
  }

  @GetRoute('', LIST_ROUTE)
  list(@Context() context: RestContext) {
    return this.listBelow(context);
  }

  @GetRoute(':number', READ_ROUTE)
  read(@Context() context: RestContext) {
    return this.readOne(context);
  }

  @DeleteRoute(':number', DELETE_ROUTE)
  delete(@Context() context: RestContext) {
    return this.deleteOne(context);
  }

  @PostRoute(':number/repair', REPAIR_ROUTE)
  repair(@Context() context: RestContext) {
    return this.repairOne(context);
  }
}

/** Versions of repositories that clients push into. */
@PlacedController(placeOf(PUSH_VERSIONS, PUSH_REPOSITORIES), PUSH_VERSIONS)
export class PushVersionsController extends VersionRoutes {
  protected readonly resource = PUSH_VERSIONS;
  protected readonly parent = PUSH_REPOSITORIES;

  constructor(
    protected readonly deletion: DeleteVersion,
    protected readonly repairing: RepairVersion,
  ) {
    super();
  }

  @GetRoute('', LIST_ROUTE)
  list(@Context() context: RestContext) {
    return this.listBelow(context);
  }

  @GetRoute(':number', READ_ROUTE)
  read(@Context() context: RestContext) {
    return this.readOne(context);
  }

  @DeleteRoute(':number', DELETE_ROUTE)
  delete(@Context() context: RestContext) {
    return this.deleteOne(context);
  }

  @PostRoute(':number/repair', REPAIR_ROUTE)
  repair(@Context() context: RestContext) {
    return this.repairOne(context);
  }
}

/** Versions of all repositories. */
@ResourceController(ALL_VERSIONS, LIST)
export class AllVersionsController extends RestHost {}
