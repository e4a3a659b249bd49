import type { DataSource } from 'typeorm';
import { findSignatures } from '#content/read/find-referrers.js';
import { algorithmOf, digestOf } from '#oci/digest.js';
import { rowsOf } from '#platform/database.js';
import { invalid, isDomainError, messageOf } from '#platform/domain-error.js';
import { type TaskContext, TaskFailure } from '#tasks/define-task.js';
import type { StoredManifest } from '../formats/signature-format.js';
import { findRefusal } from '../services/check-signature.js';
import { type Signer, trustOf } from '../services/signer.js';
import type { SigningServiceEntity } from '../signing-service.entity.js';
import type { NewSignature } from '../store/prepare-signatures.js';
import type { WorkItem } from './select-work.js';
import type { SignResult } from './sign.task.js';

/** The counts and signatures of one task. */
export class SignRun {
  readonly made: NewSignature[] = [];
  private readonly items = new Map<NewSignature, WorkItem>();
  private readonly failed: SignResult['failed'][number][] = [];
  private skipped = 0;
  private done = 0;

  constructor(
    private readonly source: DataSource,
    private readonly view: { repositoryId: string; pinned: number },
    private readonly service: SigningServiceEntity,
    private readonly signer: Signer,
    /** Digests of manifests that have signatures of the family; those alone are looked at before signing. */
    private readonly maySkip: ReadonlySet<string>,
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
      this.failed.push(failure(item, error));
    }
    this.done += 1;
    this.report('running');
  }

  /** How the task ends when these signatures cannot be stored and all others are. */
  outcome(refused: ReadonlyMap<NewSignature, Error>): SignResult | TaskFailure {
    const failed = [
      ...this.failed,
      ...[...refused].map(([signature, error]) => failure(this.items.get(signature)!, error)),
    ];
    this.report(failed.length > 0 ? 'failed' : 'completed');
    const result = { signed: this.items.size - refused.size, skipped: this.skipped, failed };
    return failed.length > 0 ? failedTask(result) : result;
  }

  private async signOne(item: WorkItem): Promise<void> {
    const { manifestId, digest, reference } = item;
    const manifest = await readManifest(this.source, manifestId, digest);
    if (this.maySkip.has(digest) && (await this.isSigned(manifest, reference))) {
      this.skipped += 1;
      return;
    }
    const bytes = await this.signer.sign(manifest, reference, this.context.signal);
    const refusal = await findRefusal(this.signer.format, bytes, manifest, reference, trustOf(this.service));
    if (refusal) throw refusal;
    const signature = { format: this.signer.format, manifest, bytes, signingServiceId: this.service.id };
    this.made.push(signature);
    this.items.set(signature, item);
  }

  private async isSigned(manifest: StoredManifest, reference: string): Promise<boolean> {
    const { signatures } = await findSignatures(this.source, this.view, manifest.digest, [this.signer.format]);
    for (const { bytes } of signatures)
      if (!(await findRefusal(this.signer.format, bytes, manifest, reference, trustOf(this.service)))) return true;
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

const failure = ({ digest, reference }: WorkItem, error: Error): SignResult['failed'][number] => ({
  manifest: digest,
  reference,
  reason: messageOf(error),
});

function failedTask(result: SignResult): TaskFailure {
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
