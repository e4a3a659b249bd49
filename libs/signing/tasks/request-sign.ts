import type { DataSource } from 'typeorm';
import type { HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import { invalid, notFound } from '#platform/domain-error.js';
import { isRepositoryName } from '#oci/reference.js';
import { imageTags } from './select-work.js';
import type { SignPayload } from './sign.task.js';

/** What a caller asks for, hrefs already resolved. `serviceId` undefined: the repository's own service. */
export interface SignRequest {
  readonly repositoryId: string;
  readonly serviceId?: string | null;
  readonly futureBasePath?: string;
  readonly tagsList?: readonly string[];
  readonly force?: boolean;
  readonly signLists?: boolean;
}

/**
 * Checks a request to sign and says what the task will do: which service, which reference, which tags. The reference's
 * host is the public one, its path the single distribution's or `future_base_path`. Throws invalid errors by field.
 */
export async function planSigning(
  source: DataSource,
  config: HallmarkConfig,
  request: SignRequest,
): Promise<SignPayload> {
  const [repository] = await rowsOf<{ head: number; service: string | null }>(
    source,
    'select head, signing_service_id as service from repository where id = $1',
    [request.repositoryId],
  );
  if (!repository) throw notFound('The repository was deleted.');
  const serviceId = request.serviceId ?? repository.service;
  if (!serviceId)
    throw invalid('This field is required since a signing_service is not set on the repo.', 'manifest_signing_service');
  const path = await signedPath(source, request.repositoryId, request.futureBasePath);
  const tagNames = request.tagsList === undefined ? null : [...new Set(request.tagsList)];
  if (tagNames) await requireTagNames(source, request.repositoryId, repository.head, tagNames);
  return {
    repositoryId: request.repositoryId,
    serviceId,
    reference: `${config.publicHost}/${path}`,
    tagNames,
    force: request.force ?? false,
    signLists: request.signLists ?? false,
  };
}

async function signedPath(source: DataSource, repositoryId: string, wanted: string | undefined): Promise<string> {
  const paths = await rowsOf<{ path: string }>(
    source,
    `select base_path as path from distribution where type = 'container' and repository_id = $1 limit 2`,
    [repositoryId],
  );
  const only = paths.length === 1 ? paths[0]!.path : undefined;
  if (wanted === undefined) {
    if (only === undefined)
      throw invalid('This field is required since this repo has zero or multiple distributions.', 'future_base_path');
    return only;
  }
  if (only !== undefined && wanted !== only)
    throw invalid('This field cannot be set since this repo has a single distribution.', 'future_base_path');
  if (!isRepositoryName(wanted))
    throw invalid('The path must be a repository name such as library/busybox.', 'future_base_path');
  return wanted;
}

async function requireTagNames(
  source: DataSource,
  repositoryId: string,
  head: number,
  names: readonly string[],
): Promise<void> {
  const found = new Set((await imageTags(source, { repositoryId, pinned: head }, names)).map((tag) => tag.name));
  const missing = names.filter((name) => !found.has(name));
  if (names.length === 0)
    throw invalid('This list may not be empty; leave the field out to sign every tag.', 'tags_list');
  if (missing.length > 0)
    throw invalid(
      `The latest repository version '${head}' has no image with the tag ${missing.map((name) => `'${name}'`).join(', ')}.`,
      'tags_list',
    );
}
