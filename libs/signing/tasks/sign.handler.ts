import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { MEMBER_AT, type ReadView } from '#content/read/find-manifest.js';
import { versionHref } from '#content/versions/version-href.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import { inLanes } from '#platform/in-lanes.js';
import { correlationId } from '#platform/logger.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { TaskFailure, type TaskContext, type TaskHandler } from '#tasks/define-task.js';
import type { FormatName } from '../formats/signature-format.js';
import { removeStaleFolders } from '../services/run-script.js';
import { openSigner } from '../services/signer.js';
import { SigningServiceEntity } from '../signing-service.entity.js';
import { storeSignatures } from '../store/store-signatures.js';
import { selectWork, type WorkItem } from './select-work.js';
import { SignRun } from './sign-run.js';
import { type SignPayload, type SignResult, signTask } from './sign.task.js';

/** Signs in parallel, verifies each signature, and stores what was made in one version; failures do not undo the others. */
@Injectable()
export class SignHandler implements TaskHandler<SignPayload, SignResult> {
  readonly task = signTask;

  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly blobs: BlobStore,
    @Inject(CONFIG) private readonly config: HallmarkConfig,
  ) {}

  async run(payload: SignPayload, context: TaskContext): Promise<SignResult> {
    const service = await this.source.manager.findOneBy(SigningServiceEntity, { id: payload.serviceId });
    if (!service) throw notFound('The signing service was removed; choose another one.');
    const settings = {
      workDir: join(this.config.dataDir, 'work'),
      scriptTimeout: this.config.scriptTimeout,
      correlationId: correlationId(),
    };
    await removeStaleFolders(settings.workDir, settings.scriptTimeout);
    const signer = await openSigner(service, settings);
    const view = { repositoryId: payload.repositoryId, pinned: await headOf(this.source, payload.repositoryId) };
    const referenceBound = signer.format === 'simple' || (signer.format === 'cosign' && service.shape !== 'bundle');
    const work = await selectWork(this.source, view, { ...payload, referenceBound });
    const maySkip = payload.force ? new Set<string>() : await withSignatures(this.source, view, signer.format, work);
    const run = new SignRun(this.source, view, service, signer, maySkip, context, work.length);
    await inLanes(work, this.config.signParallel || Math.max(4, availableParallelism()), (item) => run.sign(item));
    context.signal.throwIfAborted();
    return this.store(payload.repositoryId, run, context);
  }

  /** Stores what was made and ends the task. */
  private async store(repositoryId: string, run: SignRun, context: TaskContext): Promise<SignResult> {
    let outcome: SignResult | TaskFailure | undefined;
    const stores = { source: this.source, store: this.blobs };
    await storeSignatures(stores, repositoryId, run.made, {
      taskId: context.taskId,
      fence: context.fence,
      async inCommit(tx, version, refused) {
        if (version) context.createdResource(await versionHref(tx, repositoryId, version.number));
        outcome = await context.conclude(tx, run.outcome(refused));
      },
    });
    if (outcome instanceof TaskFailure) throw outcome;
    return outcome!;
  }
}

async function headOf(source: DataSource, repositoryId: string): Promise<number> {
  const [row] = await rowsOf<{ head: number }>(source, 'select head from repository where id = $1', [repositoryId]);
  if (!row) throw notFound('The repository was deleted.');
  return row.head;
}

/** Digests of the manifests in the work that have signatures of a family. */
async function withSignatures(
  source: DataSource,
  view: ReadView,
  format: FormatName,
  work: readonly WorkItem[],
): Promise<Set<string>> {
  const rows = await rowsOf<{ digest: string }>(
    source,
    `select distinct g.manifest_digest as digest from signature g join membership m on m.unit_id = g.id
     where m.repository_id = $1 and ${MEMBER_AT} and g.format = $3 and g.manifest_digest = any($4::text[])`,
    [view.repositoryId, view.pinned, format, [...new Set(work.map(({ digest }) => digest))]],
  );
  return new Set(rows.map(({ digest }) => digest));
}
