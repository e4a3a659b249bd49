import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntityManager } from 'typeorm';
import type { ManifestDraft } from '#content/push/drafts.js';
import { storeManifest } from '#content/push/store-manifest.js';
import { Config, type HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import { newId } from '#platform/identifiers.js';
import { formatOf } from '#signing/formats/all.js';
import type { FormatName } from '#signing/formats/signature-format.js';
import { trustOf } from '#signing/services/signer.js';
import type { SigningServiceEntity } from '#signing/signing-service.entity.js';
import { SignHandler } from '#signing/tasks/sign.handler.js';
import type { SignPayload } from '#signing/tasks/sign.task.js';
import { FileStore } from '#storage/file-store.js';
import type { Progress, TaskContext } from '#tasks/define-task.js';
import { makeImage, makeIndex, makeRepository } from '../content/content-factory.js';
import { createTestDatabase, type TestDatabase } from '../database.js';

/** A signature of a repository with what it is about. */
export interface FoundSignature {
  readonly format: FormatName;
  readonly scheme: string;
  readonly bytes: Buffer;
  readonly digest: string;
  readonly reference: string | null;
}

/** What a run of a handler said. */
export interface Recorded {
  readonly context: TaskContext;
  readonly progress: Progress[];
  readonly created: string[];
}

/** A context that writes down what it is told. */
export function recordContext(change: Partial<TaskContext> = {}): Recorded {
  const progress: Progress[] = [];
  const created: string[] = [];
  const context: TaskContext = {
    taskId: newId(),
    signal: new AbortController().signal,
    progress: (report) => void progress.push(report),
    createdResource: (href) => void created.push(href),
    log: () => undefined,
    fence: () => Promise.resolve(),
    conclude: (_tx, outcome) => Promise.resolve(outcome),
    ...change,
  };
  return { context, progress, created };
}

/** The host of the references here. */
export const HOST = 'registry.example.com';

/** A database, a store, and the handler of the sign task. */
export class SignWorld {
  private constructor(
    readonly database: TestDatabase,
    readonly config: HallmarkConfig,
    readonly store: FileStore,
  ) {}

  static async open(settings: NodeJS.ProcessEnv = {}): Promise<SignWorld> {
    const database = await createTestDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'sw-'));
    const environment = { HALLMARK_PUBLIC_URL: `https://${HOST}`, HALLMARK_DATA_DIR: dataDir, ...settings };
    const config = Config.read({ DATABASE_URL: database.url, ...environment });
    return new SignWorld(database, config, new FileStore(dataDir, false));
  }

  get source() {
    return this.database.source;
  }

  get handler(): SignHandler {
    return new SignHandler(this.source, this.store, this.config);
  }

  async close(): Promise<void> {
    await this.database.drop();
    await rm(this.config.dataDir, { recursive: true, force: true });
  }

  /** A repository whose tags are pushed one after the other. */
  async repository(tags: Readonly<Record<string, Shape>>): Promise<string> {
    const repositoryId = await makeRepository(this.source);
    await this.source.transaction(async (tx) => {
      for (const [tag, shape] of Object.entries(tags)) await push(tx, repositoryId, tag, shape);
    });
    return repositoryId;
  }

  payload(
    repositoryId: string,
    service: Pick<SigningServiceEntity, 'id'>,
    change: Partial<SignPayload> = {},
  ): SignPayload {
    const reference = `${HOST}/team/app`;
    return {
      repositoryId,
      serviceId: service.id,
      reference,
      tagNames: null,
      force: false,
      signLists: false,
      ...change,
    };
  }

  async head(repositoryId: string): Promise<number> {
    const [row] = await rowsOf<{ head: number }>(this.source, 'select head from repository where id = $1', [
      repositoryId,
    ]);
    return row!.head;
  }

  /** Signatures of the newest version. */
  signatures(repositoryId: string): Promise<FoundSignature[]> {
    return rowsOf(
      this.source,
      `select g.format, g.scheme, g.bytes, g.manifest_digest as digest, g.reference from membership m
       join signature g on g.id = m.unit_id where m.repository_id = $1 and m.removed_in is null order by g.id`,
      [repositoryId],
    );
  }

  /** The manifest behind a tag now, and its bytes. */
  async tagged(repositoryId: string, tag: string) {
    const [row] = await rowsOf<{ digest: string; mediaType: string; size: number; bytes: Buffer }>(
      this.source,
      `select c.digest, c.media_type as "mediaType", c.size, c.bytes from membership m join tag t on t.id = m.unit_id
       join manifest c on c.id = t.manifest_id where m.repository_id = $1 and m.tag_name = $2 and m.removed_in is null`,
      [repositoryId, tag],
    );
    return row;
  }

  /** Outcomes of all signatures, judged under what they were made for by what trusts only the service. */
  async outcomes(repositoryId: string, service: SigningServiceEntity, reference?: string): Promise<string[]> {
    const found = await this.signatures(repositoryId);
    const judged = found.map(async (signature) => {
      const [manifest] = await rowsOf<{ digest: string; mediaType: string; size: number; bytes: Buffer }>(
        this.source,
        'select digest, media_type as "mediaType", size, bytes from manifest where digest = $1',
        [signature.digest],
      );
      const claimed = reference ?? signature.reference;
      const report = await formatOf(signature.format).verify(signature.bytes, {
        manifest: manifest!,
        ...(claimed ? { reference: claimed } : {}),
        trust: trustOf(service),
        now: new Date(),
      });
      return report.outcome;
    });
    return Promise.all(judged);
  }
}

/** What a tag leads to: a fresh image, an index of fresh images, or something made before. */
export type Shape = 'image' | number | ManifestDraft | readonly ManifestDraft[];

/** Pushes an image or an index with its images, then the tag. */
export async function push(tx: EntityManager, repositoryId: string, tag: string, shape: Shape): Promise<ManifestDraft> {
  if (shape === 'image' || (typeof shape === 'object' && 'digest' in shape)) {
    const draft = shape === 'image' ? await makeImage(tx, repositoryId) : shape;
    await storeManifest(tx, { repositoryId, draft, tags: [tag] });
    return draft;
  }
  const children = typeof shape === 'number' ? [] : [...(shape as readonly ManifestDraft[])];
  if (typeof shape === 'number') for (let at = 0; at < shape; at += 1) children.push(await makeImage(tx, repositoryId));
  for (const draft of children) await storeManifest(tx, { repositoryId, draft, tags: [] });
  const index = makeIndex(children);
  await storeManifest(tx, { repositoryId, draft: index, tags: [tag] });
  return index;
}
