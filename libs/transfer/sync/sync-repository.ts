import type { DataSource, EntityManager } from 'typeorm';
import type { MadeVersion } from '#content/versions/apply-change.js';
import { inTransaction, isUniqueViolation } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { bringContent } from './bring-content.js';
import { commitSync, type SyncCommit } from './commit-sync.js';
import { release } from './held-content.js';
import type { Brought, SyncParts, SyncPlan } from './sync-plan.js';

/** What the transaction of a sync does besides. */
export interface SyncOptions extends Pick<SyncCommit, 'taskId' | 'fence'> {
  /** Runs last in it. */
  readonly inCommit?: (tx: EntityManager, brought: Brought, version: MadeVersion | undefined) => Promise<void>;
}

/** Brings content and makes at most one version of it. Until its only transaction commits, nobody sees a change. */
export async function syncRepository(parts: SyncParts, plan: SyncPlan, options: SyncOptions = {}): Promise<void> {
  const holderId = newId();
  try {
    const brought = await bringContent(parts, plan, holderId);
    plan.signal.throwIfAborted();
    const { repositoryId, mirror } = plan;
    const { tags, digests, loose } = brought;
    const onChange = (added: number, removed: number) => reportChange(plan, added, removed);
    const { inCommit = async () => undefined, ...first } = options;
    const commit = { repositoryId, mirror, tags, digests, loose, ...first, onChange };
    await commitOnce(parts.source, { ...commit, inCommit: (tx, version) => inCommit(tx, brought, version) });
  } finally {
    await release(parts.source, holderId);
  }
}

async function commitOnce(source: DataSource, commit: SyncCommit): Promise<MadeVersion | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inTransaction(source, (tx) => commitSync(tx, commit));
    } catch (error) {
      if (attempt >= 5 || !isUniqueViolation(error)) throw error;
    }
  }
}

function reportChange({ progress }: SyncPlan, added: number, removed: number): void {
  const done = (message: string, code: string, count: number) =>
    progress({ message, code, state: 'completed', done: count, total: count });
  done('Associating Content', 'associating.content', added);
  done('Un-Associating Content', 'unassociating.content', removed);
}
