import type { DataSource, EntityManager } from 'typeorm';
import type { ManifestDraft } from '#content/push/drafts.js';
import { mountBlob } from '#content/uploads/mount-blob.js';
import { receiveBlob } from '#content/uploads/receive-blob.js';
import type { HallmarkConfig } from '#platform/config.js';
import { isDomainError } from '#platform/domain-error.js';
import { inLanes } from '#platform/in-lanes.js';
import { draftManifest, type DraftSource } from '#signing/push/draft-manifest.js';
import type { BlobStore } from '#storage/blob-store.js';
import type { TaskContext } from '#tasks/define-task.js';
import type { ImportFiles } from './import-files.js';
import type { ImportReport } from './import-layout.task.js';
import { LayoutFiles } from './layout-files.js';
import { mergeCompanions } from './merge-companions.js';
import { openArchive } from './open-archive.js';
import { readLayoutIndex } from './read-index.js';
import { readLookaside } from './read-lookaside.js';
import { reportOf } from './report-import.js';
import { type ResolvedLayout, resolveLayout } from './resolve-layout.js';
import { StagedBlobs } from './staged-blobs.js';
import { storeLayout, type StoreLayoutOptions } from './store-layout.js';
import { surveyArchive } from './survey-archive.js';

/** What an import works with. */
export interface Importing {
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly config: Pick<HallmarkConfig, 'importLimit' | 'manifestLimit' | 'blobLimit'>;
}

const MIB = 1024 * 1024;
const MOST_ENTRIES = 250_000;
const MOST_MANIFEST_BYTES = 128 * MIB;
const LARGEST_RATIO = 200;
const BLOBS_AT_ONCE = 4;
const DRAFTS_AT_ONCE = 8;
const MOST_RACES = 10;

/**
 * Imports an archive that lies on disk. First everything is read and checked, and nothing is stored: large blobs wait in
 * staging for it. Then blobs are stored; then one transaction makes the version. Running it again does what is left, or
 * nothing. `inCommit` runs last in that transaction.
 */
export async function importLayout(
  importing: Importing,
  repositoryId: string,
  archive: ImportFiles,
  context: TaskContext,
  inCommit: InCommit = async () => undefined,
): Promise<ImportReport> {
  const staged = new StagedBlobs(importing.source, importing.store);
  try {
    const files = await readArchive(importing, archive, staged, context);
    try {
      return await takeLayout(importing, repositoryId, { files, staged }, context, inCommit);
    } finally {
      await files.close();
    }
  } finally {
    await staged.discard();
  }
}

/** What the transaction that makes the version does last, with the report of the import. */
type InCommit = (tx: EntityManager, report: ImportReport) => Promise<unknown>;

/** An archive that was read: its files, and those of its blobs that wait in staging. */
interface ReadArchive {
  readonly files: LayoutFiles;
  readonly staged: StagedBlobs;
}

async function takeLayout(
  importing: Importing,
  repositoryId: string,
  archive: ReadArchive,
  context: TaskContext,
  inCommit: InCommit,
): Promise<ImportReport> {
  const { files } = archive;
  const layout = await resolveLayout(files, await readLayoutIndex(files), { manifest: importing.config.manifestLimit });
  const lookaside = await readLookaside(files, (digest) => layout.manifests.has(digest));
  await storeBlobs(importing, repositoryId, archive, layout, context);
  const into = { source: importing.source, store: importing.store, view: { repositoryId, pinned: null } };
  const manifests = await draftAll(into, layout, context.signal);
  let report: ImportReport | undefined;
  await commit(into, layout, { manifests, signatures: lookaside }, context, async (tx, version) => {
    report = reportOf(layout, manifests, lookaside, version);
    await inCommit(tx, report);
  });
  return report!;
}

async function readArchive(
  { config }: Importing,
  archive: ImportFiles,
  staged: StagedBlobs,
  context: TaskContext,
): Promise<LayoutFiles> {
  const { path, bytes } = await openArchive(archive, { bytes: config.importLimit, ratio: LARGEST_RATIO });
  const limits = {
    entries: MOST_ENTRIES,
    manifest: config.manifestLimit,
    manifests: MOST_MANIFEST_BYTES,
    blob: config.blobLimit,
  };
  let read = 0;
  const report = (state: 'running' | 'completed') =>
    context.progress({
      message: 'Reading the archive',
      code: 'import.read',
      state,
      done: Math.floor(read / MIB),
      suffix: 'MiB',
    });
  const surveyed = await surveyArchive(bytes, limits, {
    onBytes: (count) => {
      context.signal.throwIfAborted();
      read += count;
      report('running');
    },
    take: (digest, body) => staged.take(digest, body),
  });
  report('completed');
  return LayoutFiles.open(path, surveyed);
}

async function storeBlobs(
  importing: Importing,
  repositoryId: string,
  { files, staged }: ReadArchive,
  { blobs }: ResolvedLayout,
  context: TaskContext,
): Promise<void> {
  let done = 0;
  const report = (state: 'running' | 'completed') =>
    context.progress({ message: 'Storing blobs', code: 'import.blobs', state, done, total: blobs.size });
  await inLanes([...blobs], BLOBS_AT_ONCE, async ([digest, file]) => {
    context.signal.throwIfAborted();
    const here =
      (await staged.commit(repositoryId, digest)) || (await mountBlob(importing.source, repositoryId, digest));
    if (!here) {
      const receiving = { source: importing.source, store: importing.store, limits: { ownsChunks: true } };
      await receiveBlob(receiving, repositoryId, digest, { bytes: files.stream(file), length: file.size });
    }
    done += 1;
    report('running');
  });
  report('completed');
}

/** Facts and signatures of every manifest, in the order of the layout. */
async function draftAll(into: DraftSource, layout: ResolvedLayout, signal: AbortSignal): Promise<ManifestDraft[]> {
  const tagsOf = tagsByDigest(layout.tags);
  const drafts: ManifestDraft[] = [];
  await inLanes([...[...layout.manifests.values()].entries()], DRAFTS_AT_ONCE, async ([at, manifest]) => {
    signal.throwIfAborted();
    drafts[at] = await draftManifest(into, manifest, tagsOf.get(manifest.digest) ?? []);
  });
  return drafts;
}

function tagsByDigest(tags: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [tag, digest] of tags) {
    const known = found.get(digest);
    if (known) known.push(tag);
    else found.set(digest, [tag]);
  }
  return found;
}

/** Tries again when somebody moved a companion tag between reading and storing. */
async function commit(
  into: DraftSource,
  layout: ResolvedLayout,
  drafts: { readonly manifests: readonly ManifestDraft[]; readonly signatures: ManifestDraft['signatures'] },
  { taskId, fence }: TaskContext,
  inCommit: StoreLayoutOptions['inCommit'],
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { tags, unions } = await mergeCompanions(into, layout.tags, (digest) => layout.manifests.get(digest)!.bytes);
    const change = { manifests: [...drafts.manifests, ...unions], tags, signatures: drafts.signatures };
    try {
      return await storeLayout(into.source, into.view.repositoryId, change, { taskId, fence, inCommit });
    } catch (error) {
      if (attempt >= MOST_RACES || !isDomainError(error) || error.kind !== 'precondition-failed') throw error;
    }
  }
}
