import type { RestContext } from '../../rest/context.js';
import { PostRoute } from '../../rest/operation.js';
import type { Resource } from '../../rest/resource.js';
import type { Rest } from '../../rest/rest.js';
import type { StandardRoute } from '../../rest/rest-controller.js';
import { EmptyBody, RemoveImage, RemoveSignatures } from '../dto/actions.body.js';
import { REMOVE_CONTENT } from './content-tasks.js';
import { MigrateRepository } from './migrate-task.js';
import { requireManifest, signaturesByKey } from './named-content.js';
import { subjectOf } from './tagging.js';

const answers = { 202: 'task' } as const;

async function removeImage(rest: Rest, resource: Resource, context: RestContext) {
  const { id, href, alone } = await subjectOf(rest, resource, context);
  const { digest } = await rest.body(context, RemoveImage);
  const units = await requireManifest(rest.source, id, digest, href);
  return rest.dispatch(context, REMOVE_CONTENT, { repositoryId: id, units }, alone);
}

async function removeSignatures(rest: Rest, resource: Resource, context: RestContext) {
  const { id, href, alone } = await subjectOf(rest, resource, context);
  const body = await rest.body(context, RemoveSignatures);
  const units = await signaturesByKey(rest.source, id, body.signed_with_key_id, href);
  return rest.dispatch(context, REMOVE_CONTENT, { repositoryId: id, units }, alone);
}

async function migrate(rest: Rest, resource: Resource, context: RestContext) {
  const { id, alone } = await subjectOf(rest, resource, context);
  await rest.body(context, EmptyBody);
  return rest.runNow(context, new MigrateRepository(rest.source, rest.config), { repositoryId: id }, alone);
}

/** What only repositories that clients push into have. */
export const PUSHED: readonly StandardRoute[] = [
  {
    name: 'removeImage',
    route: PostRoute(':id/remove_image', {
      action: 'remove_image',
      summary: 'Delete an image from a repository',
      body: { schema: 'RemoveImage', of: RemoveImage },
      answers,
    }),
    handle: removeImage,
  },
  {
    name: 'removeSignatures',
    route: PostRoute(':id/remove_signatures', {
      action: 'remove_signatures',
      summary: 'Remove the signatures of a key',
      body: { schema: 'RemoveSignatures', of: RemoveSignatures },
      answers,
    }),
    handle: removeSignatures,
  },
  {
    name: 'migrate',
    route: PostRoute(':id/migrate', {
      action: 'migrate',
      summary: 'Turn a push repository into a container repository',
      answers,
    }),
    handle: migrate,
  },
];
