import type { EntityManager } from 'typeorm';
import type { Principal } from '#access/principal.js';
import { ensureNamespace } from '#content/distributions/ensure-push-target.js';
import { deleteRepository } from '#content/versions/create-repository.js';
import { announce } from '#platform/change-feed.js';
import { rowsOf } from '#platform/database.js';
import { invalid } from '#platform/domain-error.js';
import { NAMESPACES } from '../namespaces/namespaces.resource.js';
import { repositoryModel } from '../rest/models.js';
import type { Resource } from '../rest/resource.js';
import { ownNew } from '../rest/writing/general-tasks.js';
import { insertRow, updateRow, type Columns, type GoneObject, type Writer } from '../rest/writing/writer.js';
import { registerWriter } from '../rest/writing/writers.js';
import { DISTRIBUTIONS, PULL_THROUGH_DISTRIBUTIONS } from './distributions.resource.js';

/** The columns with the namespace of the path; who makes the first distribution in one makes the namespace. */
async function withNamespace(tx: EntityManager, columns: Columns, maker?: Principal): Promise<Columns> {
  const path = columns['base_path'];
  if (typeof path !== 'string') return columns;
  let isNew = false;
  const id = await ensureNamespace(tx, path.split('/', 1)[0]!, () => (isNew = true));
  if (isNew && maker) await ownNew(tx, NAMESPACES, id, maker);
  return { ...columns, namespace_id: id };
}

/** What a distribution is to serve must still be there, and stays until this is committed. */
async function holdServed(tx: EntityManager, columns: Columns): Promise<void> {
  for (const served of ['repository', 'repository_version'] as const) {
    const id = columns[`${served}_id`];
    if (typeof id !== 'string') continue;
    const found = await rowsOf(tx, `select 1 from ${served} where id = $1 for key share`, [id]);
    if (found.length === 0) throw invalid('Invalid hyperlink - Object does not exist.', served);
  }
}

async function adoptChildren(tx: EntityManager, id: string, children: unknown): Promise<void> {
  if (!Array.isArray(children)) return;
  await tx.query('update distribution set parent_id = null where parent_id = $1', [id]);
  await tx.query(`update distribution set parent_id = $1 where id = any($2::uuid[]) and type = 'container'`, [
    id,
    children,
  ]);
}

interface ServedRepository {
  readonly id: string;
  readonly type: string;
}

/**
 * Takes a distribution away. The repository that clients pushed into goes with it; a repository that somebody curates stays,
 * for its content is not the path's.
 */
export async function removeDistribution(tx: EntityManager, id: string): Promise<GoneObject[]> {
  const gone: GoneObject[] = [{ model: 'container.containerdistribution', id }];
  const pushed = await rowsOf<ServedRepository>(
    tx,
    `select r.id, r.type from distribution d join repository r on r.id = d.repository_id
      where d.id = $1 and r.type = 'container-push'
        and not exists (select 1 from distribution o where o.repository_id = r.id and o.id <> d.id)`,
    [id],
  );
  await tx.query('delete from distribution where id = $1', [id]);
  for (const repository of pushed) {
    await deleteRepository(tx, repository.id);
    gone.push({ model: repositoryModel(repository.type), id: repository.id });
  }
  await announce(tx, 'distributions', id);
  return gone;
}

/** Keys of the distributions that a pull-through distribution has made or taken in, in order. */
const CHILDREN = 'array(select c.id::text from distribution c where c.parent_id = t.id order by c.id)';

function distributionWriter(resource: Resource, type: 'container' | 'pull-through'): Writer {
  return registerWriter({
    resource,
    elsewhere: { children: CHILDREN },
    async create(tx, { children, ...columns }, maker) {
      await holdServed(tx, columns);
      const id = await insertRow(tx, 'distribution', { type, ...(await withNamespace(tx, columns, maker)) });
      await adoptChildren(tx, id, children);
      await announce(tx, 'distributions', id);
      return id;
    },
    async update(tx, id, { children, ...columns }) {
      await holdServed(tx, columns);
      await updateRow(tx, 'distribution', id, await withNamespace(tx, columns));
      await adoptChildren(tx, id, children);
      await announce(tx, 'distributions', id);
    },
    async remove(tx, id) {
      if (type === 'container') return removeDistribution(tx, id);
      const children = await rowsOf<{ id: string }>(tx, 'select id from distribution where parent_id = $1', [id]);
      await tx.query('delete from distribution where parent_id = $1 or id = $1', [id]);
      await announce(tx, 'distributions', id);
      const gone = children.map((child): GoneObject => ({ model: 'container.containerdistribution', id: child.id }));
      return [{ model: 'container.containerpullthroughdistribution', id }, ...gone];
    },
  });
}

/** Writes distributions. */
export const DISTRIBUTION_WRITER = distributionWriter(DISTRIBUTIONS, 'container');

/** Writes pull-through distributions. */
export const PULL_THROUGH_WRITER = distributionWriter(PULL_THROUGH_DISTRIBUTIONS, 'pull-through');
