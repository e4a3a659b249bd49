import type { DataSource, EntityManager } from 'typeorm';
import { announce } from '#platform/change-feed.js';
import { inTransaction, isUniqueViolation, rowsOf } from '#platform/database.js';
import { DomainError } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { createRepository } from '../versions/create-repository.js';
import type { RepositoryType } from '../versions/repository.entity.js';

/** Where a push into a path goes. */
export interface PushTarget {
  readonly repositoryId: string;
  readonly distributionId: string;
  readonly namespaceId: string;
  /** What this call made, so that the pusher gets the owner's rights on it. */
  readonly created: readonly ('namespace' | 'repository' | 'distribution')[];
}

/** Called in the same transaction with what was made. */
export type CreationHook = (tx: EntityManager, target: PushTarget) => Promise<void>;

/**
 * The repository behind a path, made with its namespace and distribution when the path is new. A distribution that is
 * pinned to a version refuses pushes.
 */
export async function ensurePushTarget(
  source: DataSource,
  basePath: string,
  type: RepositoryType,
  onCreated?: CreationHook,
): Promise<PushTarget> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inTransaction(source, (tx) => ensure(tx, basePath, type, onCreated));
    } catch (error) {
      // Two first pushes into one path: the other one made it.
      if (attempt >= 5 || !isUniqueViolation(error)) throw error;
    }
  }
}

interface ExistingRow {
  readonly id: string;
  readonly namespace_id: string | null;
  readonly repository_id: string | null;
  readonly repository_version_id: string | null;
}

async function ensure(
  tx: EntityManager,
  basePath: string,
  type: RepositoryType,
  onCreated?: CreationHook,
): Promise<PushTarget> {
  const [existing] = await rowsOf<ExistingRow>(
    tx,
    'select id, namespace_id, repository_id, repository_version_id from distribution where base_path = $1',
    [basePath],
  );
  if (existing?.repository_version_id)
    throw new DomainError('invalid', 'NAME_INVALID', 'Repository is read-only: this path serves a fixed version.', {
      detail: { name: basePath },
    });
  if (existing?.repository_id)
    return {
      repositoryId: existing.repository_id,
      distributionId: existing.id,
      namespaceId: existing.namespace_id ?? '',
      created: [],
    };
  const created: PushTarget['created'][number][] = [];
  const namespaceId = await ensureNamespace(tx, basePath.split('/', 1)[0]!, () => created.push('namespace'));
  const repositoryId = await ensureRepository(tx, basePath, type, () => created.push('repository'));
  const distributionId = existing?.id ?? newId();
  if (existing)
    await tx.query('update distribution set repository_id = $2, pulp_last_updated = now() where id = $1', [
      existing.id,
      repositoryId,
    ]);
  else {
    await tx.query(
      `insert into distribution (id, type, name, base_path, namespace_id, repository_id) values ($1, 'container', $2, $2, $3, $4)`,
      [distributionId, basePath, namespaceId, repositoryId],
    );
    created.push('distribution');
  }
  const target = { repositoryId, distributionId, namespaceId, created };
  await onCreated?.(tx, target);
  await announce(tx, 'distributions', basePath);
  return target;
}

/** The namespace of that name, made when there is none. */
export async function ensureNamespace(tx: EntityManager, name: string, onCreated?: () => void): Promise<string> {
  const [found] = await rowsOf<{ id: string }>(tx, 'select id from namespace where name = $1', [name]);
  if (found) return found.id;
  const id = newId();
  await tx.query('insert into namespace (id, name) values ($1, $2)', [id, name]);
  onCreated?.();
  return id;
}

async function ensureRepository(
  tx: EntityManager,
  name: string,
  type: RepositoryType,
  onCreated: () => void,
): Promise<string> {
  // It must not be deleted before its distribution is committed.
  const [found] = await rowsOf<{ id: string }>(tx, 'select id from repository where name = $1 for key share', [name]);
  if (found) return found.id;
  onCreated();
  return createRepository(tx, { type, name });
}
