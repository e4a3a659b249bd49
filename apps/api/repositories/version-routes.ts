import { protectedVersions, VERSION_IN_USE } from '#content/versions/delete-version.js';
import { RepairBody } from '../maintenance/maintenance.body.js';
import { REPAIR_VERSION } from '../maintenance/repair-tasks.js';
import type { RestContext } from '../rest/context.js';
import { badRequest, noMatch } from '../rest/errors.js';
import { requireKeyOf } from '../rest/keys.js';
import { prnOf } from '../rest/models.js';
import { DeleteRoute, GetRoute, PostRoute } from '../rest/operation.js';
import type { Resource } from '../rest/resource.js';
import type { Rest } from '../rest/rest.js';
import type { StandardRoute } from '../rest/rest-controller.js';
import type { SqlValues } from '../rest/sql.js';
import { DELETE_VERSION } from './version-tasks.js';

/** A version that a path names. */
interface Named {
  readonly repositoryId: string;
  readonly number: number;
}

function named(parent: Resource, context: RestContext): Named {
  const text = context.param('number');
  if (!/^\d{1,9}$/.test(text)) throw noMatch('RepositoryVersion');
  return { repositoryId: requireKeyOf(parent, context.param('repository')), number: Number(text) };
}

/** Rows of the versions of a repository of the parent's type. */
const below = (parent: Resource, repositoryId: string) => (values: SqlValues) =>
  `t.repository_id = ${values.bind(repositoryId)} and ${parent.where.replaceAll('t.', 'r.')}`;

function read(rest: Rest, resource: Resource, context: RestContext, parent: Resource, { repositoryId, number }: Named) {
  const ofRepository = below(parent, repositoryId);
  return rest.read(context, resource, (values) => `${ofRepository(values)} and t.number = ${values.bind(number)}`);
}

/** What can be done with the versions of repositories of one type. */
export const versionRoutes = (parent: Resource): readonly StandardRoute[] => [
  {
    name: 'list',
    route: GetRoute('', { action: 'list', summary: 'List', answers: { 200: 'page' } }),
    async handle(rest, resource, context) {
      const repositoryId = context.param('repository');
      await rest.demandExists(parent, repositoryId);
      return rest.list(context, resource, below(parent, repositoryId));
    },
  },
  {
    name: 'read',
    route: GetRoute(':number', { action: 'read', summary: 'Inspect', answers: { 200: 'resource' } }),
    handle: (rest, resource, context) => read(rest, resource, context, parent, named(parent, context)),
  },
  {
    name: 'delete',
    route: DeleteRoute(':number', { action: 'delete', summary: 'Delete', answers: { 202: 'task' } }),
    async handle(rest, resource, context) {
      const version = named(parent, context);
      await read(rest, resource, context, parent, version);
      const kept = await protectedVersions(rest.source.manager, version.repositoryId);
      if (kept.has(version.number)) throw badRequest([VERSION_IN_USE]);
      return rest.dispatch(context, DELETE_VERSION, version, {
        exclusive: [prnOf(parent.model, version.repositoryId)],
      });
    },
  },
  {
    name: 'repair',
    route: PostRoute(':number/repair', {
      action: 'repair',
      summary: 'Check the stored bytes of the version',
      body: { schema: 'Repair', of: RepairBody },
      answers: { 202: 'task' },
    }),
    async handle(rest, resource, context) {
      const version = named(parent, context);
      await read(rest, resource, context, parent, version);
      const { verify_checksums: verifyChecksums } = await rest.body(context, RepairBody);
      const options = { shared: [prnOf(parent.model, version.repositoryId)] };
      return rest.dispatch(context, REPAIR_VERSION, { version, verifyChecksums }, options);
    },
  },
];
