import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { findSignatures } from '#content/read/find-referrers.js';
import { versionHref } from '#content/versions/version-href.js';
import { digestOf, algorithmOf } from '#oci/digest.js';
import { CONFIG, type HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import { invalid, isDomainError, messageOf, notFound } from '#platform/domain-error.js';
import { correlationId } from '#platform/logger.js';
import { BLOB_STORE, type BlobStore } from '#storage/blob-store.js';
import { type TaskContext, TaskFailure, type TaskHandler } from '#tasks/define-task.js';
import { formatOf } from '../formats/all.js';
import type { StoredManifest } from '../formats/signature-format.js';
import { requireOwnSignature } from '../services/check-signature.js';
import { openSigner, type Signer, trustOf } from '../services/signer.js';
import { SigningServiceEntity } from '../signing-service.entity.js';
import { type NewSignature, storeSignatures } from '../store/store-signatures.js';
import { selectWork, type WorkItem } from './select-work.js';
import { type SignPayload, type SignResult, signTask } from './sign.task.js';

/** Signs in parallel, verifies each signature, and stores what was made in one version; failures do not undo the others. */
@Injectable()
export class SignHandler implements TaskHandler<SignPayload, SignResult> {
  readonly task = signTask;

  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(BLOB_STORE) private readonly store: BlobStore,
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
    const signer = await openSigner(service, settings);
    const view = { repositoryId: payload.repositoryId, pinned: await headOf(this.source, payload.repositoryId) };
    const referenceBound = signer.format === 'simple' || (signer.format === 'cosign' && service.shape !== 'bundle');
    const work = await selectWork(this.source, view, { ...payload, referenceBound });
    const run = new SignRun(this.source, view, service, signer, payload.force, context, work.length);
    await inParallel(work, this.config.signParallel || Math.max(4, availableParallelism()), (item) => run.sign(item));
    context.signal.throwIfAborted();
    const version = await storeSignatures({ source: this.source, store: this.store }, payload.repositoryId, run.made, {
      taskId: context.taskId,
      fence: (tx: EntityManager) => context.fence(tx),
    });
    const number = version?.number ?? (await versionOfTask(this.source, payload.repositoryId, context.taskId));
    if (number !== undefined) context.createdResource(await versionHref(this.source, payload.repositoryId, number));
    return run.result();
  }
}

/** The counts and signatures of one task. */
class SignRun {
  readonly made: NewSignature[] = [];
  private readonly failed: SignResult['failed'][number][] = [];
  private skipped = 0;
  private done = 0;

  constructor(
    private readonly source: DataSource,
    private readonly view: { repositoryId: string; pinned: number },
    private readonly service: SigningServiceEntity,
    private readonly signer: Signer,
    private readonly force: boolean,
    private readonly context: TaskContext,
    private readonly total: number,
  ) {
    this.report('running');
  }

  async sign(item: WorkItem): Promise<void> {
    this.context.signal.throwIfAborted();
    try {
      await this.signOne(item);
    } catch (error) {
      if (this.context.signal.aborted || !isDomainError(error)) throw error;
      this.failed.push({ manifest: item.digest, reference: item.reference, reason: messageOf(error) });
    }
    this.done += 1;
    this.report('running');
  }

  result(): SignResult {
    this.report(this.failed.length > 0 ? 'failed' : 'completed');
    const result = { signed: this.made.length, skipped: this.skipped, failed: this.failed };
    if (this.failed.length > 0) throw failedTask(result);
    return result;
  }

  private async signOne({ manifestId, digest, reference }: WorkItem): Promise<void> {
    const manifest = await readManifest(this.source, manifestId, digest);
    if (!this.force && (await this.isSigned(manifest, reference))) {
      this.skipped += 1;
      return;
    }
    const bytes = await this.signer.sign(manifest, reference, this.context.signal);
    await requireOwnSignature(this.signer.format, bytes, manifest, reference, trustOf(this.service));
    this.made.push({ format: this.signer.format, manifest, bytes, signingServiceId: this.service.id });
  }

  private async isSigned(manifest: StoredManifest, reference: string): Promise<boolean> {
    const candidates = await findSignatures(this.source, this.view, manifest.digest, [this.signer.format]);
    for (const { bytes } of candidates) {
      const context = { manifest, reference, trust: trustOf(this.service), now: new Date() };
      const report = await formatOf(this.signer.format).verify(bytes, context);
      const claimed = report.claimed['reference'];
      if (report.outcome === 'verified' && (typeof claimed !== 'string' || claimed === reference)) return true;
    }
    return false;
  }

  private report(state: 'running' | 'completed' | 'failed'): void {
    this.context.progress({
      message: 'Signing manifests',
      code: 'sign.manifests',
      state,
      done: this.done,
      total: this.total,
    });
  }
}

function failedTask(result: SignResult): Error {
  const shown = result.failed
    .slice(0, 20)
    .map(({ reference, manifest, reason }) => `${reference} (${manifest}): ${reason}`);
  const more = result.failed.length > shown.length ? `\n… and ${result.failed.length - shown.length} more` : '';
  return new TaskFailure(
    'SIGN_FAILED',
    `${result.failed.length} of ${result.failed.length + result.signed + result.skipped} signatures failed; sign again to make those only.\n${shown.join('\n')}${more}`,
    result,
  );
}

async function headOf(source: DataSource, repositoryId: string): Promise<number> {
  const [row] = await rowsOf<{ head: number }>(source, 'select head from repository where id = $1', [repositoryId]);
  if (!row) throw notFound('The repository was deleted.');
  return row.head;
}

/** The version that an earlier run of the same task made before its worker died. */
async function versionOfTask(source: DataSource, repositoryId: string, taskId: string): Promise<number | undefined> {
  const [row] = await rowsOf<{ number: number }>(
    source,
    'select number from repository_version where repository_id = $1 and task_id = $2 order by number desc limit 1',
    [repositoryId, taskId],
  );
  return row?.number;
}

async function readManifest(source: DataSource, id: string, digest: string): Promise<StoredManifest> {
  const [row] = await rowsOf<{ mediaType: string; bytes: Buffer }>(
    source,
    'select media_type as "mediaType", bytes from manifest where id = $1',
    [id],
  );
  if (!row) throw invalid(`The manifest ${digest} is gone.`, 'manifest');
  if (digestOf(row.bytes, algorithmOf(digest)) !== digest)
    throw invalid(`The stored bytes of ${digest} are damaged; run a repair.`, 'manifest', 'DIGEST_MISMATCH');
  return { mediaType: row.mediaType, digest, size: row.bytes.length, bytes: row.bytes };
}

/** Runs `work` on every item with at most `width` at once; the first error stops the rest. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lanes = Array.from({ length: Math.min(width, items.length) }, async () => {
    while (next < items.length) {
      const item = items[next]!;
      next += 1;
      try {
        await work(item);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  });
  const endings = await Promise.allSettled(lanes);
  const failure = endings.find((ending) => ending.status === 'rejected');
  if (failure) throw failure.reason;
}
