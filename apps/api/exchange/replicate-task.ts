import { ANONYMOUS } from '#access/principal.js';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { createRepository } from '#content/versions/create-repository.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { concludingTransaction } from '#tasks/concluding-transaction.js';
import { TaskDispatcher, type DispatchOptions } from '#tasks/dispatch.js';
import { defineTask, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import {
  upstreamDistributions,
  type UpstreamDistribution,
  type UpstreamServer,
} from '#transfer/exchange/upstream-distributions.js';
import { syncTask } from '#transfer/sync/sync.task.js';
import '../distributions/distribution.writer.js';
import { prnOf, type ModelName } from '../rest/models.js';
import { GeneralDelete, type DeletePayload } from '../rest/writing/general-tasks.js';
import { insertRow, updateRow } from '../rest/writing/writer.js';
import { writerOf } from '../rest/writing/writers.js';

/** One replication; its tasks share a group. */
export interface ReplicatePayload {
  readonly serverId: string;
  readonly group: string;
  readonly select: string | null;
  readonly createdBy: string | null;
}

interface ServerRow extends UpstreamServer {
  readonly id: string;
  readonly remote_policy: string;
  readonly policy: string;
  readonly q_select: string | null;
}

const REPLICATE = defineTask<ReplicatePayload, null>({ name: 'pulpcore.app.tasks.replica.replicate_distributions' });
const LABEL = 'UpstreamPulp';
const KINDS: readonly [table: string, model: ModelName][] = [
  ['distribution', 'container.containerdistribution'],
  ['repository', 'container.containerrepository'],
  ['remote', 'container.containerremote'],
];

interface Replica {
  readonly repositoryId: string;
  readonly remoteId: string;
}

/** Makes remotes, repositories and distributions like those of another installation, and starts their syncs, all at once. */
@Injectable()
export class ReplicateTask implements TaskHandler<ReplicatePayload, null> {
  readonly task = REPLICATE;

  constructor(
    private readonly source: DataSource,
    private readonly dispatcher: TaskDispatcher,
    private readonly removing: GeneralDelete,
  ) {}

  async run({ serverId, group, select, createdBy }: ReplicatePayload, context: TaskContext): Promise<null> {
    const [server] = await rowsOf<ServerRow>(this.source, 'select * from upstream_pulp where id = $1', [serverId]);
    if (!server) throw notFound('The upstream Pulp was removed.');
    const distributions = await upstreamDistributions(server, select ?? server.q_select, context.signal);
    const replicas: Replica[] = [];
    for (const [index, distribution] of distributions.entries()) {
      context.signal.throwIfAborted();
      const replica = await inTransaction(this.source, async (tx) => {
        await context.fence(tx);
        return replicate(tx, server, distribution);
      });
      context.progress({
        message: 'Replicating distributions',
        code: 'replica.distributions',
        done: index + 1,
        total: distributions.length,
      });
      if (replica) replicas.push(replica);
    }
    const options = { group, parent: context.taskId, createdBy: createdBy ?? undefined };
    const names = distributions.map(({ name }) => name);
    const wakes: (() => Promise<void>)[] = [];
    await concludingTransaction(this.source, context, async (tx) => {
      wakes.length = 0;
      for (const replica of replicas) wakes.push((await this.startSync(tx, replica, options)).wake);
      for (const other of await othersThan(tx, names, server))
        wakes.push((await this.startRemoval(tx, other, options)).wake);
      await tx.query('update upstream_pulp set last_replication = now() where id = $1', [serverId]);
      await tx.query('update task_group set all_tasks_dispatched = true where id = $1', [group]);
      return null;
    });
    for (const wake of wakes) await wake();
    return null;
  }

  private startSync(tx: EntityManager, replica: Replica, options: DispatchOptions) {
    const payload = { ...replica, mirror: true, signedOnly: false };
    return this.dispatcher.dispatchIn(tx, syncTask, payload, {
      ...options,
      exclusive: [prnOf('container.containerrepository', replica.repositoryId)],
      shared: [prnOf('container.containerremote', replica.remoteId)],
    });
  }

  private startRemoval(tx: EntityManager, other: DeletePayload, options: DispatchOptions) {
    const exclusive = [prnOf(other.model, other.id)];
    return this.dispatcher.dispatchIn(tx, this.removing.task, other, { ...options, exclusive });
  }
}

/** What the policy lets go: objects that the other installation does not have. */
async function othersThan(
  tx: EntityManager,
  names: readonly string[],
  { id, policy }: ServerRow,
): Promise<DeletePayload[]> {
  if (policy === 'nodelete') return [];
  const others: DeletePayload[] = [];
  for (const [table, model] of KINDS) {
    const rows = await rowsOf<{ id: string }>(
      tx,
      `select id from ${table} where type = 'container' and not name = any($1::text[])
         and ($2 = 'all' or pulp_labels ->> '${LABEL}' = $3)`,
      [names, policy, id],
    );
    others.push(...rows.map((row) => ({ model, id: row.id })));
  }
  return others;
}

/** Makes or updates the three objects of one distribution; undefined when one is here that the policy may not touch. */
async function replicate(
  tx: EntityManager,
  server: ServerRow,
  { name, base_path, registry_path, ...shown }: UpstreamDistribution,
): Promise<Replica | undefined> {
  const found = { distribution: '', repository: '', remote: '' } as Record<string, string>;
  for (const [table] of KINDS) {
    const [row] = await rowsOf<{ id: string; label: string | null; type: string }>(
      tx,
      `select id, type, pulp_labels ->> '${LABEL}' as label from ${table} where name = $1`,
      [name],
    );
    if (row && (row.type !== 'container' || (server.policy === 'labeled' && row.label !== server.id))) return undefined;
    found[table] = row?.id ?? '';
  }
  const pulp_labels = { [LABEL]: server.id };
  const { username, password, ca_cert, client_cert, client_key, tls_validation } = server;
  const access = { username, password, ca_cert, client_cert, client_key, tls_validation };
  const upstream_name = registry_path.slice(registry_path.indexOf('/') + 1);
  const remote = { url: server.base_url, upstream_name, policy: server.remote_policy, pulp_labels, ...access };
  const remoteId = found['remote'] || (await insertRow(tx, 'remote', { type: 'container', name, ...remote }));
  if (found['remote']) await updateRow(tx, 'remote', remoteId, remote);
  const repositoryId = found['repository'] || (await createRepository(tx, { type: 'container', name }));
  await updateRow(tx, 'repository', repositoryId, { remote_id: remoteId, pulp_labels });
  const writer = writerOf('container.containerdistribution');
  const served = {
    base_path,
    private: shown.private,
    description: shown.description,
    repository_id: repositoryId,
    repository_version_id: null,
    pulp_labels,
  };
  if (found['distribution']) await writer.update(tx, found['distribution'], served);
  else await writer.create(tx, { name, ...served }, ANONYMOUS);
  return { repositoryId, remoteId };
}
