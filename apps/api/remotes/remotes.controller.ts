import { rowsOf } from '#platform/database.js';
import { badRequest } from '../rest/errors.js';
import type { Resource } from '../rest/resource.js';
import { ResourceController, RestHost } from '../rest/rest-controller.js';
import { LABELS } from '../rest/standard/labels.js';
import { LIST, READ } from '../rest/standard/reading.js';
import { ROLES } from '../rest/standard/roles.js';
import { creating, deleting, updating, type WriteScope } from '../rest/standard/writing.js';
import { insertRow, updateRow, type Columns, type Writer } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { PullThroughRemoteBody, RemoteBody, remoteColumns } from './dto/remote.body.js';
import { ALL_REMOTES, PULL_THROUGH_REMOTES, REMOTES } from './remotes.resource.js';

function remoteWriter(resource: Resource, fixed: Columns): Writer {
  return registerWriter({
    resource,
    create: (tx, columns) => insertRow(tx, 'remote', { ...fixed, ...columns }),
    update: (tx, id, columns) => updateRow(tx, 'remote', id, columns),
    async remove(tx, id) {
      for (const table of ['repository', 'distribution'])
        await tx.query(`update ${table} set remote_id = null where remote_id = $1`, [id]);
      await tx.query('delete from remote where id = $1', [id]);
      return [{ model: resource.model, id }];
    },
  });
}

interface ProxyColumns {
  readonly proxy_url: string | null;
  readonly proxy_username: string | null;
  readonly proxy_password: string | null;
}

/** Credentials of a proxy need one, and come in pairs; what an update leaves out is what is stored. */
async function checkedColumns(body: RemoteBody | PullThroughRemoteBody, { rest, id }: WriteScope): Promise<Columns> {
  const [stored] = id
    ? await rowsOf<ProxyColumns>(
        rest.source,
        'select proxy_url, proxy_username, proxy_password from remote where id = $1',
        [id],
      )
    : [];
  const after = (name: keyof ProxyColumns) => (body[name] === undefined ? stored?.[name] : body[name]);
  const [url, username, password] = [after('proxy_url'), after('proxy_username'), after('proxy_password')];
  if (!url && (username || password)) throw badRequest(['proxy credentials cannot be specified without a proxy']);
  if (Boolean(username) !== Boolean(password))
    throw badRequest(['proxy username and password can only be specified together']);
  return remoteColumns(body);
}

const unique = ['name'];

const REMOTE_WRITING = {
  writer: remoteWriter(REMOTES, { type: 'container', policy: 'immediate' }),
  body: RemoteBody,
  unique,
  columns: checkedColumns,
};

const PULL_THROUGH_WRITING = {
  writer: remoteWriter(PULL_THROUGH_REMOTES, { type: 'pull-through', policy: 'on_demand' }),
  body: PullThroughRemoteBody,
  unique,
  columns: checkedColumns,
};

/** Upstream repositories. */
@ResourceController(REMOTES, LIST, READ, creating(REMOTE_WRITING), updating(REMOTE_WRITING), deleting(), LABELS, ROLES)
export class RemotesController extends RestHost {}

/** Upstream registries as a whole. */
@ResourceController(
  PULL_THROUGH_REMOTES,
  LIST,
  READ,
  creating(PULL_THROUGH_WRITING),
  updating(PULL_THROUGH_WRITING),
  deleting(),
  LABELS,
  ROLES,
)
export class PullThroughRemotesController extends RestHost {}

/** All remotes, whatever their type. */
@ResourceController(ALL_REMOTES, LIST)
export class AllRemotesController extends RestHost {}
