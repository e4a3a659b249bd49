import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { UnitCounts } from '#content/versions/version.entity.js';
import { versionHref } from '#content/versions/version-href.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { isUuid } from '#platform/identifiers.js';
import { TrustPolicyEntity } from '#signing/trust-policy.entity.js';
import { readTrust } from '#signing/verify/read-trust.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import type { TaskContext, TaskHandler } from '#tasks/define-task.js';
import { RemoteEntity } from '../remotes/remote.entity.js';
import { RemoteRegistry } from '../remote-registry/remote-registry.js';
import { upstreamOf } from '../remote-registry/upstream.js';
import { syncRepository } from './sync-repository.js';
import type { TrustRule } from './sync-plan.js';
import { type SyncedVersion, type SyncPayload, type SyncResult, syncTask } from './sync.task.js';

const MOST_NAMES = 100;

/** Syncs a repository from a remote. Running it again after a crash fetches only what is not here yet. */
@Injectable()
export class SyncHandler implements TaskHandler<SyncPayload, SyncResult> {
  readonly task = syncTask;

  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  async run(payload: SyncPayload, context: TaskContext): Promise<SyncResult> {
    const { repositoryId, mirror, signedOnly } = payload;
    const remote = await this.source.manager.findOneBy(RemoteEntity, { id: payload.remoteId });
    if (!remote) throw notFound('The remote was deleted; choose another one.');
    const trust = await this.trustRule(payload.trustPolicy);
    const registry = new RemoteRegistry(upstreamOf(remote, this.config), context.signal);
    const parts = { source: this.source, store: this.store, config: this.config };
    const { signal, progress, taskId } = context;
    let result: SyncResult | undefined;
    try {
      await syncRepository(
        parts,
        {
          repositoryId,
          remote,
          registry,
          mirror,
          signal,
          progress,
          signedOnly: signedOnly || trust !== undefined,
          ...(trust ? { trust } : {}),
        },
        {
          taskId,
          fence: context.fence,
          async inCommit(tx, brought, made) {
            const version = await newestVersion(tx, repositoryId);
            if (made && version) context.createdResource(version.pulp_href);
            result = await context.conclude(tx, {
              version,
              changed: made !== undefined,
              tags: brought.tags.size,
              skipped: brought.skipped.slice(0, MOST_NAMES),
              skippedCount: brought.skipped.length,
              fetched: brought.fetched,
              signatures: brought.ways,
              refusedSignatures: brought.refused,
            });
          },
        },
      );
      return result!;
    } finally {
      await registry.close();
    }
  }

  private async trustRule(id: string | null | undefined): Promise<TrustRule | undefined> {
    if (!id) return undefined;
    const policy = await this.source.manager.findOneBy(TrustPolicyEntity, isUuid(id) ? { id } : { name: id });
    if (!policy) throw notFound(`The trust policy ${id} does not exist.`);
    // A policy that only audits keeps nothing out.
    if (policy.mode !== 'enforce') return undefined;
    return { trust: readTrust(policy.trust), required: policy.required };
  }
}

async function newestVersion(tx: EntityManager, repositoryId: string): Promise<SyncedVersion | null> {
  const [row] = await rowsOf<{ number: number; added: UnitCounts; removed: UnitCounts; present: UnitCounts }>(
    tx,
    `select v.number, v.added, v.removed, v.present from repository_version v join repository r on r.id = v.repository_id
     where r.id = $1 and v.number = r.head`,
    [repositoryId],
  );
  if (!row) return null;
  const { added, removed, present } = row;
  return {
    pulp_href: await versionHref(tx, repositoryId, row.number),
    number: row.number,
    content_summary: { added, removed, present },
  };
}
