import type { RestContext } from '../../rest/context.js';
import { badField } from '../../rest/errors.js';
import { prnOf, type Located } from '../../rest/models.js';
import { PostRoute } from '../../rest/operation.js';
import type { Resource } from '../../rest/resource.js';
import type { Rest } from '../../rest/rest.js';
import type { StandardRoute } from '../../rest/rest-controller.js';
import { repositoryModel } from '../../rest/models.js';
import { rowsOf } from '#platform/database.js';
import { forbidden } from '#platform/domain-error.js';
import { syncTask } from '#transfer/sync/sync.task.js';
import { on } from '../../rest/access/rules.js';
import { ManifestCopy, Modify, RecursiveManage, SyncBody, TagCopy } from '../dto/actions.body.js';
import { keyOf } from '../dto/repository.body.js';
import { namedVersion } from '../named-versions.js';
import { ADD_CONTENT, MODIFY_CONTENT, REMOVE_CONTENT } from './content-tasks.js';
import { contentKeys, removalKeys } from './named-content.js';
import { subjectOf } from './tagging.js';

const answers = { 202: 'task' } as const;

async function add(rest: Rest, resource: Resource, context: RestContext) {
  const { id, alone } = await subjectOf(rest, resource, context);
  const { content_units: uris = [] } = await rest.body(context, RecursiveManage);
  const units = await contentKeys(rest, context, uris);
  return rest.dispatch(context, ADD_CONTENT, { repositoryId: id, units }, alone);
}

async function remove(rest: Rest, resource: Resource, context: RestContext) {
  const { id, alone } = await subjectOf(rest, resource, context);
  const { content_units: uris = [] } = await rest.body(context, RecursiveManage);
  const keys = await removalKeys(rest, context, uris, 'content_units');
  const payload =
    keys === 'everything' ? { repositoryId: id, units: [], everything: true } : { repositoryId: id, units: keys };
  return rest.dispatch(context, REMOVE_CONTENT, payload, alone);
}

async function modify(rest: Rest, resource: Resource, context: RestContext) {
  const { id, alone } = await subjectOf(rest, resource, context);
  const body = await rest.body(context, Modify);
  const payload = {
    repositoryId: id,
    add: await contentKeys(rest, context, body.add_content_units ?? []),
    remove: await removalKeys(rest, context, body.remove_content_units ?? [], 'remove_content_units'),
    base: body.base_version ? await namedVersion(rest.source, body.base_version, 'base_version') : null,
    overwrite: body.overwrite,
  };
  return rest.dispatch(context, MODIFY_CONTENT, payload, alone);
}

interface Source {
  readonly repositoryId: string;
  readonly number: number;
  readonly prn: string;
}

async function sourceOf(rest: Rest, body: TagCopy | ManifestCopy): Promise<Source> {
  const version = body.source_repository_version
    ? await namedVersion(rest.source, body.source_repository_version, 'source_repository_version')
    : await newestOf(rest, body.source_repository!);
  const model = repositoryModel(version.repositoryType);
  return { repositoryId: version.repositoryId, number: version.number, prn: prnOf(model, version.repositoryId) };
}

async function newestOf(rest: Rest, located: Located) {
  const id = 'id' in located ? located.id : located.repository;
  const [row] = (await rest.source.query('select head, type from repository where id = $1', [id])) as {
    head: number;
    type: string;
  }[];
  return { repositoryId: id, number: row?.head ?? 0, repositoryType: row?.type ?? 'container' };
}

async function copyTags(rest: Rest, resource: Resource, context: RestContext) {
  const { id, alone } = await subjectOf(rest, resource, context);
  const body = await rest.body(context, TagCopy);
  const { prn, ...from } = await sourceOf(rest, body);
  const selection = body.names ? { tagNames: body.names } : {};
  const payload = { repositoryId: id, from: { ...from, selection } };
  return rest.dispatch(context, ADD_CONTENT, payload, { ...alone, shared: [prn] });
}

async function copyManifests(rest: Rest, resource: Resource, context: RestContext) {
  const { id, alone } = await subjectOf(rest, resource, context);
  const body = await rest.body(context, ManifestCopy);
  const { prn, ...from } = await sourceOf(rest, body);
  const selection = {
    ...(body.digests ? { digests: body.digests } : {}),
    ...(body.media_types ? { mediaTypes: body.media_types } : {}),
  };
  const payload = { repositoryId: id, from: { ...from, selection } };
  return rest.dispatch(context, ADD_CONTENT, payload, { ...alone, shared: [prn] });
}

async function sync(rest: Rest, resource: Resource, context: RestContext) {
  const { id, alone } = await subjectOf(rest, resource, context);
  const given = await rest.body(context, SyncBody);
  const [row] = await rowsOf<{ remote_id: string | null }>(
    rest.source,
    'select remote_id from repository where id = $1',
    [id],
  );
  const remoteId = keyOf(given.remote) ?? row?.remote_id;
  if (!remoteId) throw badField('remote', 'This field is required since a remote is not set on the repository.');
  const rule = [[on('container.view_containerremote')]];
  if (!(await rest.decisions.allows(context, rule, { model: 'container.containerremote', id: remoteId })))
    throw forbidden();
  const [remote] = await rowsOf<{ type: string }>(rest.source, 'select type from remote where id = $1', [remoteId]);
  const isContainer = remote?.type === 'container';
  const prn = prnOf(isContainer ? 'container.containerremote' : 'container.containerpullthroughremote', remoteId);
  if (!isContainer)
    throw badField('remote', `Type for Remote '${prn}' does not match Repository '${prnOf(resource.model, id)}'.`);
  const payload = { repositoryId: id, remoteId, mirror: given.mirror, signedOnly: given.signed_only };
  return rest.dispatch(context, syncTask, payload, { ...alone, shared: [prn] });
}

const body = { schema: 'RecursiveManage', of: RecursiveManage };

/** What only curated repositories have. */
export const CURATING: readonly StandardRoute[] = [
  {
    name: 'sync',
    route: PostRoute(':id/sync', {
      action: 'sync',
      summary: 'Sync from a remote',
      body: { schema: 'ContainerRepositorySyncURL', of: SyncBody },
      answers,
    }),
    handle: sync,
  },
  {
    name: 'add',
    route: PostRoute(':id/add', { action: 'add', summary: 'Add content', body, answers }),
    handle: add,
  },
  {
    name: 'remove',
    route: PostRoute(':id/remove', { action: 'remove', summary: 'Remove content', body, answers }),
    handle: remove,
  },
  {
    name: 'modify',
    route: PostRoute(':id/modify', {
      action: 'modify',
      summary: 'Modify Repository Content',
      body: { schema: 'RepositoryAddRemoveContent', of: Modify },
      answers,
    }),
    handle: modify,
  },
  {
    name: 'copyTags',
    route: PostRoute(':id/copy_tags', {
      action: 'copy_tags',
      summary: 'Copy tags',
      body: { schema: 'TagCopy', of: TagCopy },
      answers,
    }),
    handle: copyTags,
  },
  {
    name: 'copyManifests',
    route: PostRoute(':id/copy_manifests', {
      action: 'copy_manifests',
      summary: 'Copy manifests',
      body: { schema: 'ManifestCopy', of: ManifestCopy },
      answers,
    }),
    handle: copyManifests,
  },
];
