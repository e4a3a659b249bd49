import { planSigning } from '#signing/tasks/request-sign.js';
import { signTask } from '#signing/tasks/sign.task.js';
import type { RestContext } from '../../rest/context.js';
import { requireKeyOf } from '../../rest/keys.js';
import { hrefTo, prnOf } from '../../rest/models.js';
import { PostRoute } from '../../rest/operation.js';
import type { Resource } from '../../rest/resource.js';
import type { Rest } from '../../rest/rest.js';
import type { StandardRoute } from '../../rest/rest-controller.js';
import { RepositorySign, TagImage, UntagImage } from '../dto/actions.body.js';
import { keyOf } from '../dto/repository.body.js';
import { requireManifest, requireTag } from './named-content.js';
import { TagTask, UntagTask } from './tag-tasks.js';

/** The repository that an action is about. */
export interface Subject {
  readonly id: string;
  readonly href: string;
  /** What a task that changes it holds. */
  readonly alone: { readonly exclusive: readonly string[] };
}

/** Reads the path of an action; the repository must exist. */
export async function subjectOf(rest: Rest, resource: Resource, context: RestContext): Promise<Subject> {
  const id = requireKeyOf(resource, context.param('id'));
  await rest.demandExists(resource, id);
  return { id, href: hrefTo(resource.model, id), alone: { exclusive: [prnOf(resource.model, id)] } };
}

const answers = { 202: 'task' } as const;

async function tag(rest: Rest, resource: Resource, context: RestContext) {
  const { id, href, alone } = await subjectOf(rest, resource, context);
  const body = await rest.body(context, TagImage);
  await requireManifest(rest.source, id, body.digest, href);
  const payload = { repositoryId: id, tag: body.tag, digest: body.digest };
  return rest.runNow(context, new TagTask(rest.source), payload, alone);
}

async function untag(rest: Rest, resource: Resource, context: RestContext) {
  const { id, href, alone } = await subjectOf(rest, resource, context);
  const body = await rest.body(context, UntagImage);
  await requireTag(rest.source, id, body.tag, href);
  return rest.runNow(context, new UntagTask(rest.source), { repositoryId: id, tag: body.tag }, alone);
}

async function sign(rest: Rest, resource: Resource, context: RestContext) {
  const { id, alone } = await subjectOf(rest, resource, context);
  const body = await rest.body(context, RepositorySign);
  const service = keyOf(body.manifest_signing_service);
  const payload = await planSigning(rest.source, rest.config, {
    repositoryId: id,
    ...(service === undefined ? {} : { serviceId: service }),
    ...(body.future_base_path === undefined ? {} : { futureBasePath: body.future_base_path }),
    ...(body.tags_list === undefined ? {} : { tagsList: body.tags_list }),
    force: body.force,
    signLists: body.sign_lists,
  });
  return rest.dispatch(context, signTask, payload, alone);
}

/** `tag/`, `untag/` and `sign/`, which repositories of every type have. */
export const TAGGING: readonly StandardRoute[] = [
  {
    name: 'tag',
    route: PostRoute(':id/tag', {
      action: 'tag',
      summary: 'Create a Tag',
      body: { schema: 'TagImage', of: TagImage },
      answers,
    }),
    handle: tag,
  },
  {
    name: 'untag',
    route: PostRoute(':id/untag', {
      action: 'untag',
      summary: 'Delete a tag',
      body: { schema: 'UnTagImage', of: UntagImage },
      answers,
    }),
    handle: untag,
  },
  {
    name: 'sign',
    route: PostRoute(':id/sign', {
      action: 'sign',
      summary: 'Sign images in the repo',
      body: { schema: 'RepositorySign', of: RepositorySign },
      answers,
    }),
    handle: sign,
  },
];
