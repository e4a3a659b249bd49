import type { EntityManager } from 'typeorm';
import { createRepository, deleteRepository } from '#content/versions/create-repository.js';
import { pruneVersions } from '#content/versions/delete-version.js';
import type { RepositoryType } from '#content/versions/repository.entity.js';
import type { Resource } from '../rest/resource.js';
import { updateRow, type Columns, type Writer } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { PUSH_REPOSITORIES, REPOSITORIES } from './repositories.resource.js';

function repositoryWriter(resource: Resource, type: RepositoryType): Writer {
  return registerWriter({
    resource,
    create: async (tx: EntityManager, { name, ...columns }: Columns) => {
      const id = await createRepository(tx, { type, name: name as string });
      await updateRow(tx, 'repository', id, columns);
      return id;
    },
    update: async (tx, id, columns) => {
      await updateRow(tx, 'repository', id, columns);
      const retain = columns['retain_repo_versions'];
      if (typeof retain === 'number') await pruneVersions(tx, id, retain);
    },
    remove: async (tx, id) => {
      await deleteRepository(tx, id);
      return [{ model: resource.model, id }];
    },
  });
}

/** Writes repositories. */
export const REPOSITORY_WRITER = repositoryWriter(REPOSITORIES, 'container');

/** Writes push repositories. */
export const PUSH_REPOSITORY_WRITER = repositoryWriter(PUSH_REPOSITORIES, 'container-push');
