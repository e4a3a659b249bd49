import 'reflect-metadata';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { BlobBytes } from '#content/bytes/blob-bytes.js';
import { receiveBlob } from '#content/uploads/receive-blob.js';
import { createRepository } from '#content/versions/create-repository.js';
import { digestOf } from '#oci/digest.js';
import { MediaType } from '#oci/media-types.js';
import { Config } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import type { StoredManifest } from '#signing/formats/signature-format.js';
import { pushManifest } from '#signing/push/push-manifest.js';
import { FileStore } from '#storage/file-store.js';
import type { TaskContext } from '#tasks/define-task.js';
import { type ExportRequest, openExport } from '#transfer/oci-layout/export/open-export.js';
import { acceptImport } from '#transfer/oci-layout/import/accept-import.js';
import { ImportLayoutHandler } from '#transfer/oci-layout/import/import-layout.handler.js';
import type { ImportReport } from '#transfer/oci-layout/import/import-layout.task.js';
import { createTestDatabase } from '../database.js';

/** An instance of its own: database, store and settings. */
export type World = Awaited<ReturnType<typeof openWorld>>;

/** Opens an instance; `close` leaves nothing behind. */
export async function openWorld(changes: Parameters<ReturnType<typeof Config.read>['with']>[0] = {}) {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'layout-'));
  const config = Config.read({}).with({ dataDir, ...changes });
  const { source } = database;
  const store = new BlobBytes(new FileStore(dataDir, false), source);
  const instance = { source, store, config };
  const blob = async (repositoryId: string, bytes: Buffer) => {
    const digest = digestOf(bytes);
    await receiveBlob({ source, store, limits: {} }, repositoryId, digest, { bytes: Readable.from([bytes]) });
    return { digest, size: bytes.length };
  };
  const push = async (repositoryId: string, document: object | Buffer, reference?: string): Promise<StoredManifest> => {
    const bytes = Buffer.isBuffer(document) ? document : Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    const into = { source, store, view: { repositoryId, pinned: null } };
    await pushManifest(into, { bytes, contentType: undefined, reference: reference ?? digest });
    const { mediaType = MediaType.ociManifest } = JSON.parse(bytes.toString()) as { mediaType?: string };
    return { mediaType, digest, size: bytes.length, bytes };
  };
  return {
    ...instance,
    dataDir,
    blob,
    push,
    repository: (name = 'team/app') => source.transaction((tx) => createRepository(tx, { type: 'container', name })),
    /** Pushes an image with one layer; the same label gives the same bytes. */
    async image(repositoryId: string, label: string, tag?: string, more: object = {}): Promise<StoredManifest> {
      return push(repositoryId, await imageDocument((bytes) => blob(repositoryId, bytes), label, more), tag);
    },
    async head(repositoryId: string): Promise<number> {
      const [row] = await rowsOf<{ head: number }>(source, 'select head from repository where id = $1', [repositoryId]);
      return row!.head;
    },
    async export(repositoryId: string, request: Partial<ExportRequest> = {}): Promise<Buffer> {
      const opened = await openExport(instance, { view: { repositoryId, pinned: null }, ...request });
      const bytes = await buffer(opened.stream());
      if (bytes.length !== opened.length) throw new Error(`announced ${opened.length} bytes, sent ${bytes.length}`);
      return bytes;
    },
    async exportFile(repositoryId: string, path: string, request: Partial<ExportRequest> = {}): Promise<string> {
      const opened = await openExport(instance, { view: { repositoryId, pinned: null }, ...request });
      await pipeline(opened.stream(), createWriteStream(path));
      return path;
    },
    async import(repositoryId: string, archive: Buffer | string, context = taskContext()): Promise<ImportReport> {
      const body = typeof archive === 'string' ? createReadStream(archive) : Readable.from(pieces(archive));
      const importId = await acceptImport(body, { dataDir, limit: config.importLimit });
      return new ImportLayoutHandler(source, store, config).run({ repositoryId, importId }, context);
    },
    /** Counts of everything that a half import would leave. */
    async inventory(repositoryId: string): Promise<Record<string, number>> {
      const [row] = await rowsOf<Record<string, number>>(
        source,
        `select (select count(*)::int from manifest) as manifests, (select count(*)::int from blob) as blobs,
           (select count(*)::int from signature) as signatures, (select count(*)::int from tag) as tags,
           (select count(*)::int from staged) as staged, (select head from repository where id = $1) as head`,
        [repositoryId],
      );
      return row!;
    },
    async close(): Promise<void> {
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The document of an image whose blobs are stored by `put`. */
export async function imageDocument(
  put: (bytes: Buffer) => Promise<{ digest: string; size: number }>,
  label: string,
  more: object = {},
) {
  const config = await put(
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { Labels: { label } },
        rootfs: { type: 'layers', diff_ids: [] },
      }),
    ),
  );
  const layer = await put(Buffer.from(`layer of ${label}`));
  return {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: { mediaType: MediaType.ociConfig, ...config },
    layers: [{ mediaType: MediaType.ociLayer, ...layer }],
    ...more,
  };
}

/** A context as the task runner gives it. */
export function taskContext(changes: Partial<TaskContext> = {}): TaskContext {
  return {
    taskId: newId(),
    signal: new AbortController().signal,
    progress: () => undefined,
    createdResource: () => undefined,
    log: () => undefined,
    fence: async () => undefined,
    conclude: (_tx, outcome) => Promise.resolve(outcome),
    ...changes,
  };
}

/** Copies, for who takes a body may free its chunks. */
function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield Buffer.from(bytes.subarray(at, at + 65_536));
}
