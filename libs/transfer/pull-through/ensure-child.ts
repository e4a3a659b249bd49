import type { DataSource, EntityManager } from 'typeorm';
import { createRepository } from '#content/versions/create-repository.js';
import { announce } from '#platform/change-feed.js';
import { inTransaction, isUniqueViolation, rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { RemoteEntity } from '../remotes/remote.entity.js';
import type { PullThroughRoute } from './find-route.js';

/** What serves one path below a pull-through distribution. */
export interface PullThroughChild {
  readonly distributionId: string;
  readonly repositoryId: string;
  readonly remote: RemoteEntity;
}

/** Settings that a child's remote takes from its parent's. */
const COPIED = [
  'url',
  'sigstore',
  'caCert',
  'clientCert',
  'clientKey',
  'tlsValidation',
  'proxyUrl',
  'proxyUsername',
  'proxyPassword',
  'username',
  'password',
  'maxRetries',
  'totalTimeout',
  'connectTimeout',
  'sockConnectTimeout',
  'sockReadTimeout',
  'headers',
  'downloadConcurrency',
  'rateLimit',
] as const;

/** The child at a path, made with its repository and remote when there is none. Changes of the parent's remote reach it. */
export async function ensureChild(source: DataSource, route: PullThroughRoute): Promise<PullThroughChild> {
  for (let attempt = 1; ; attempt += 1) {
    const existing = await findChild(source, route);
    if (existing) return existing;
    try {
      await inTransaction(source, (tx) => makeChild(tx, route));
    } catch (error) {
      if (attempt >= 5 || !isUniqueViolation(error)) throw error;
    }
  }
}

/** The child at a path when it was made before. */
export async function findChild(source: DataSource, route: PullThroughRoute): Promise<PullThroughChild | undefined> {
  const [row] = await rowsOf<{ id: string; repositoryId: string | null; remoteId: string | null }>(
    source,
    `select id, repository_id as "repositoryId", remote_id as "remoteId" from distribution
     where base_path = $1 and parent_id is not null`,
    [route.path],
  );
  if (!row?.repositoryId || !row.remoteId) return undefined;
  const remote = await source.manager.findOneBy(RemoteEntity, { id: row.remoteId });
  if (!remote) return undefined;
  const child = { distributionId: row.id, repositoryId: row.repositoryId };
  if (remote.pulpLastUpdated >= route.remote.pulpLastUpdated) return { ...child, remote };
  await source.manager.update(RemoteEntity, { id: remote.id }, settingsOf(route.remote));
  return { ...child, remote: await source.manager.findOneByOrFail(RemoteEntity, { id: remote.id }) };
}

async function makeChild(tx: EntityManager, route: PullThroughRoute): Promise<void> {
  const { path, parent, upstreamName } = route;
  const remoteId = newId();
  const repositoryId = newId();
  const remoteName = await freeName(tx, 'remote', path, remoteId);
  await tx.insert(RemoteEntity, {
    ...settingsOf(route.remote),
    id: remoteId,
    type: 'container',
    name: remoteName,
    upstreamName,
    policy: 'on_demand',
  });
  const name = await freeName(tx, 'repository', path, repositoryId);
  await createRepository(tx, { id: repositoryId, type: 'container', name, remoteId });
  // A child that lost its repository or remote gets new ones.
  await tx.query(
    `insert into distribution (id, type, name, base_path, namespace_id, repository_id, remote_id, parent_id, private)
     values ($1, 'container', $2, $3, $4, $5, $6, $7, $8)
     on conflict (base_path) do update set repository_id = excluded.repository_id, remote_id = excluded.remote_id,
       pulp_last_updated = now() where distribution.parent_id is not null`,
    [
      newId(),
      await freeName(tx, 'distribution', path, remoteId),
      path,
      parent.namespaceId,
      repositoryId,
      remoteId,
      parent.id,
      parent.private,
    ],
  );
  await announce(tx, 'distributions', path);
}

/** The path itself unless something else has that name. */
async function freeName(
  tx: EntityManager,
  table: 'remote' | 'repository' | 'distribution',
  path: string,
  id: string,
): Promise<string> {
  const taken = await rowsOf(tx, `select 1 from ${table} where name = $1`, [path]);
  return taken.length === 0 ? path : `${path}-${id}`;
}

function settingsOf(remote: RemoteEntity): Partial<RemoteEntity> {
  return Object.fromEntries(COPIED.map((field) => [field, remote[field]]));
}
