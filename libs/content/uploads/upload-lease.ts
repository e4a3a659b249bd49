import type { DataSource } from 'typeorm';
import { queryPrepared } from '#platform/database.js';
import { DomainError } from '#platform/domain-error.js';
import { WITHOUT_FLUSH } from '#platform/durability.js';
import { newId } from '#platform/identifiers.js';
import { CANCELLED, uploadUnknown } from './upload-sessions.js';

const LEASE_SECONDS = 15;
const RENEW_MS = 5_000;
const PATIENCE_MS = 3_000;

/** The right to write to one upload session, across all processes. */
export interface UploadLease {
  /** Aborted when the lease could not be renewed in time: somebody else may be writing. */
  readonly signal: AbortSignal;
  /** Bytes that the row of the session keeps, when it was taken. */
  readonly kept: Buffer | null;
  /** The session was closed, and its lease with it: nothing is left to be given back. */
  ended(): void;
  /** Gives the right back; false when the session was cancelled meanwhile, by somebody who does not wait for it. */
  release(offset?: number): Promise<boolean>;
}

/**
 * Takes the lease of an open session and keeps renewing it. No connection is held meanwhile. Waits a little for the
 * request before, whose cut connection may not have been noticed yet; then refuses, and the session stays usable. Throws
 * BLOB_UPLOAD_UNKNOWN as soon as it is not open any more.
 */
export async function takeLease(source: DataSource, uploadId: string): Promise<UploadLease> {
  const leaseId = newId();
  for (const deadline = Date.now() + PATIENCE_MS; ;) {
    const claimed = await claim(source, uploadId, leaseId);
    if (claimed) return keep(source, uploadId, leaseId, claimed.bytes);
    if (!(await isOpen(source, uploadId))) throw uploadUnknown();
    if (Date.now() > deadline) throw busy();
    await new Promise((done) => setTimeout(done, 50 + Math.random() * 100));
  }
}

async function claim(
  source: DataSource,
  uploadId: string,
  leaseId: string,
): Promise<{ readonly bytes: Buffer | null } | undefined> {
  const [claimed] = await queryPrepared<{ bytes: Buffer | null }>(
    source,
    'upload-claim',
    `update upload set lease_id = $2, lease_until = now() + $3 * interval '1 second', touched_at = now() from ${WITHOUT_FLUSH}
     where id = $1 and digest is null and (lease_until is null or lease_until < now() or lease_id = $2) returning bytes`,
    [uploadId, leaseId, LEASE_SECONDS],
  );
  return claimed;
}

async function isOpen(source: DataSource, uploadId: string): Promise<boolean> {
  const text = 'select 1 from upload where id = $1 and digest is null';
  return (await queryPrepared(source, 'upload-open', text, [uploadId])).length > 0;
}

function keep(source: DataSource, uploadId: string, leaseId: string, kept: Buffer | null): UploadLease {
  const lost = new AbortController();
  let renewedAt = Date.now();
  const timer = setInterval(() => {
    claim(source, uploadId, leaseId).then(
      (held) => (held ? (renewedAt = Date.now()) : lost.abort()),
      () => {
        if (Date.now() - renewedAt > (LEASE_SECONDS - 2) * 1000) lost.abort();
      },
    );
  }, RENEW_MS);
  timer.unref();
  let over = false;
  return {
    signal: lost.signal,
    kept,
    ended() {
      over = true;
      clearInterval(timer);
    },
    async release(offset) {
      clearInterval(timer);
      if (over) return true;
      const [row] = await queryPrepared<{ digest: string | null }>(
        source,
        'upload-release',
        `update upload set lease_until = null, touched_at = now(), "offset" = coalesce($3, "offset") from ${WITHOUT_FLUSH}
         where id = $1 and lease_id = $2 returning digest`,
        [uploadId, leaseId, offset ?? null],
      );
      return row?.digest !== CANCELLED;
    },
  };
}

const busy = () =>
  new DomainError(
    'range',
    'BLOB_UPLOAD_INVALID',
    'Another request is writing to this upload; ask for its status with GET and go on from there.',
  );
