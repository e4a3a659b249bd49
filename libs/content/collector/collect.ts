import type { DataSource, EntityManager } from 'typeorm';
import type { BlobStore } from '#storage/blob-store.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { claimDigests } from '../uploads/store-blob.js';
import { Pace } from './pace.js';
import { removeBytes, removeStrayBytes } from './stray-bytes.js';

/** How a collection runs. `graceSeconds` protects what was used lately; `dryRun` only counts. */
export interface CollectOptions {
  readonly graceSeconds: number;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (report: CollectReport) => void;
  /** Only these content units are looked at. */
  readonly only?: readonly string[];
}

/** What was, or in a dry run would be, freed. */
export interface CollectReport {
  tags: number;
  signatures: number;
  manifests: number;
  blobs: number;
  /** Bytes of blobs. */
  bytes: number;
  /** Files in the store that no row knew. */
  strayFiles: number;
}

const BATCH = 100;

/** Not in any version and not staged anywhere. */
const UNREACHED = `not exists (select 1 from membership m where m.unit_id = c.id)
  and not exists (select 1 from staged s where s.unit_id = c.id)`;

const CANDIDATES: Readonly<Record<'tag' | 'signature' | 'manifest' | 'blob', string>> = {
  tag: `select c.id, 0 as size, '' as digest from tag c where c.pulp_created < $1 and ${UNREACHED}`,
  signature: `select c.id, 0 as size, '' as digest from signature c where c.pulp_created < $1 and ${UNREACHED}`,
  manifest: `select c.id, c.size, c.digest from manifest c where c.touched_at < $1 and ${UNREACHED}
    and not exists (select 1 from manifest_child k where k.child_id = c.id)
    and not exists (select 1 from tag t where t.manifest_id = c.id)`,
  blob: `select c.id, c.size, c.digest from blob c where c.touched_at < $1 and ${UNREACHED}
    and not exists (select 1 from manifest_blob k where k.blob_id = c.id)`,
};

/**
 * Removes content that nothing needs any more, online and in small steps: tags, signatures, manifests, then blobs with
 * their bytes. What is picked is checked again under the lock that pushes take, so a push that reuses it wins.
 */
export async function collect(
  source: DataSource,
  store: BlobStore,
  options: CollectOptions,
  pace = new Pace(options.signal),
): Promise<CollectReport> {
  const report: CollectReport = { tags: 0, signatures: 0, manifests: 0, blobs: 0, bytes: 0, strayFiles: 0 };
  const [row] = await rowsOf<{ now: Date }>(source, 'select now()');
  const before = new Date(row!.now.getTime() - options.graceSeconds * 1000);
  const sweeping = { ...options, source, before, pace };
  report.tags = await sweep(sweeping, 'tag', removeRows('tag'));
  report.signatures = await sweep(sweeping, 'signature', removeSignatures);
  // Removing an index may free the manifests that it listed.
  for (let round = 0, freed = 1; freed > 0 && round < 20; round += 1) {
    freed = await sweep(sweeping, 'manifest', removeManifests);
    report.manifests += freed;
    if (options.dryRun) break;
  }
  options.onProgress?.(report);
  report.blobs = await sweep(sweeping, 'blob', removeBlobRows, async (rows) => {
    const digests = rows.map(({ digest }) => digest);
    const gone = options.dryRun ? new Set(digests) : await removeBytes(source, store, digests, pace);
    for (const { digest, size } of rows) if (gone.has(digest)) report.bytes += size;
    options.onProgress?.(report);
    return rows.length;
  });
  if (options.only === undefined) report.strayFiles = await removeStrayBytes(source, store, before, options, pace);
  options.onProgress?.(report);
  return report;
}

interface Candidate {
  readonly id: string;
  readonly size: number;
  readonly digest: string;
}

/** Returns what is gone. */
type Remove = (tx: EntityManager, rows: readonly Candidate[]) => Promise<readonly Candidate[]>;
/** What is done with each batch: of a dry run too. */
type OnBatch = (rows: readonly Candidate[]) => Promise<number>;

interface Sweeping extends Pick<CollectOptions, 'dryRun' | 'only'> {
  readonly source: DataSource;
  readonly before: Date;
  readonly pace: Pace;
}

async function sweep(
  { source, before, dryRun, only, pace }: Sweeping,
  kind: keyof typeof CANDIDATES,
  remove: Remove,
  onBatch: OnBatch = (rows) => Promise.resolve(rows.length),
): Promise<number> {
  const page = `${CANDIDATES[kind]} and c.id > $2 and ($3::uuid[] is null or c.id = any($3)) order by c.id limit ${BATCH}`;
  const among = `${CANDIDATES[kind]} and c.id = any($2::uuid[])`;
  let total = 0;
  let last = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const gone = await pace.piece(async () => {
      const rows = await rowsOf<Candidate>(source, page, [before, last, only ?? null]);
      if (rows.length === 0) return undefined;
      last = rows.at(-1)!.id;
      if (dryRun) return rows;
      return inTransaction(source, async (tx) => {
        const ids = rows.map((row) => row.id);
        const locked = await rowsOf<Candidate>(tx, `${among} order by c.id for update of c skip locked`, [before, ids]);
        // A second statement sees what was committed before the locks were held.
        const doomed = await rowsOf<Candidate>(tx, among, [before, locked.map((row) => row.id)]);
        return doomed.length === 0 ? [] : remove(tx, doomed);
      });
    });
    if (!gone) return total;
    total += await onBatch(gone);
  }
}

function removeRows(table: 'tag' | 'signature'): Remove {
  return async (tx, rows) => {
    await tx.query(`delete from ${table} where id = any($1::uuid[])`, [rows.map((row) => row.id)]);
    return rows;
  };
}

const removeSignatures: Remove = async (tx, rows) => {
  await tx.query('delete from signature_carrier where signature_id = any($1::uuid[])', [rows.map((row) => row.id)]);
  return removeRows('signature')(tx, rows);
};

const removeManifests: Remove = async (tx, rows) => {
  const ids = rows.map((row) => row.id);
  for (const [table, column] of [
    ['manifest_child', 'manifest_id'],
    ['manifest_blob', 'manifest_id'],
    ['relation', 'referrer_id'],
    ['signature_carrier', 'carrier_id'],
    ['manifest', 'id'],
  ])
    await tx.query(`delete from ${table} where ${column} = any($1::uuid[])`, [ids]);
  return rows;
};

/** Takes the rows away; their bytes go after the commit, so that a crash leaves bytes without a row and never the other. */
const removeBlobRows: Remove = async (tx, rows) => {
  const digests = rows.map(({ digest }) => digest);
  const claimed = await claimDigests(tx, digests);
  const doomed = rows.filter(({ digest }) => claimed.has(digest));
  const gone = await rowsOf<{ id: string }>(
    tx,
    `delete from blob c where c.id = any($1::uuid[]) and ${UNREACHED}
       and not exists (select 1 from manifest_blob k where k.blob_id = c.id) returning id`,
    [doomed.map((row) => row.id)],
  );
  const ids = new Set(gone.map(({ id }) => id));
  return doomed.filter(({ id }) => ids.has(id));
};
