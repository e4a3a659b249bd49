import type { EntityManager } from 'typeorm';
import { announce } from '#platform/change-feed.js';
import { newId } from '#platform/identifiers.js';
import type { RepositoryEntity } from './repository.entity.js';

/** What a repository is made from; only type and name are needed. */
export type NewRepository = Pick<RepositoryEntity, 'type' | 'name'> & Partial<RepositoryEntity>;

/** Makes a repository with its empty version 0 and returns its id. A taken name throws a unique violation. */
export async function createRepository(tx: EntityManager, fields: NewRepository): Promise<string> {
  const id = fields.id ?? newId();
  await tx.query(
    `insert into repository (id, type, name, description, pulp_labels, retain_repo_versions, retain_checkpoints, remote_id, signing_service_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      id,
      fields.type,
      fields.name,
      fields.description ?? null,
      fields.pulpLabels ?? {},
      fields.retainRepoVersions ?? null,
      fields.retainCheckpoints ?? null,
      fields.remoteId ?? null,
      fields.signingServiceId ?? null,
    ],
  );
  await tx.query('insert into repository_version (id, repository_id, number) values ($1, $2, 0)', [newId(), id]);
  return id;
}

/** Deletes a repository with its versions; content stays for the collector. Distributions lose their repository. */
export async function deleteRepository(tx: EntityManager, repositoryId: string): Promise<void> {
  await tx.query('select 1 from repository where id = $1 for update', [repositoryId]);
  await tx.query(
    `update distribution set repository_version_id = null, pulp_last_updated = now()
     where repository_version_id in (select id from repository_version where repository_id = $1)`,
    [repositoryId],
  );
  await tx.query('update distribution set repository_id = null, pulp_last_updated = now() where repository_id = $1', [
    repositoryId,
  ]);
  for (const table of ['membership', 'staged', 'upload', 'repository_version'])
    await tx.query(`delete from ${table} where repository_id = $1`, [repositoryId]);
  await tx.query('delete from repository where id = $1', [repositoryId]);
  await announce(tx, 'distributions', repositoryId);
}
