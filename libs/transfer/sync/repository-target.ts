import type { Readable } from 'node:stream';
import type { DataSource, EntityManager } from 'typeorm';
import type { ManifestDraft, SignatureDraft } from '#content/push/drafts.js';
import { insertManifests } from '#content/push/insert-manifests.js';
import { insertSignatures } from '#content/push/insert-signatures.js';
import type { UnitRef } from '#content/versions/apply-change.js';
import type { Descriptor } from '#oci/descriptor.js';
import { blobsOf, type ParsedManifest } from '#oci/manifest.js';
import { MANIFEST_TYPES, MediaType } from '#oci/media-types.js';
import { Batches } from '#platform/batches.js';
import { rowsOf } from '#platform/database.js';
import { invalid, notFound } from '#platform/domain-error.js';
import { commitEarly } from '#platform/durability.js';
import { extractSignatures } from '#signing/push/extract-signatures.js';
import { type ConfigFacts, imageFacts, readConfigFacts } from '#signing/push/image-facts.js';
import type { BlobStore } from '#storage/blob-store.js';
import { CheckedBlob } from '#storage/checked-blob.js';
import { cutOff, sizeDiffers, tooLarge } from '#storage/storage-errors.js';
import type { CheckedManifest, CopyTarget } from '../copy-graph.js';
import { findWhole, hold, holdBlobs, type HeldBlob, writeBlobs } from './held-content.js';
import { BATCH_EVERY_MS, SMALL_BLOB, SmallBlobs } from './small-blobs.js';

/** Where blobs come from that are not stored with the copy. */
export interface DeferredFrom {
  readonly remoteId: string;
  readonly upstreamName: string;
}

/** What a copy into a repository needs. */
export interface TargetOptions {
  readonly source: DataSource;
  readonly store: BlobStore;
  /** Keeps what arrives until a commit takes it. */
  readonly holderId: string;
  /** Largest blob in bytes; 0: no limit. */
  readonly blobLimit: number;
  /** Set when blobs may stay upstream. */
  readonly deferred?: DeferredFrom;
}

/** Largest config that is read for facts. */
const FACTS_LIMIT = 4 * 1024 * 1024;
const CONFIG_TYPES: ReadonlySet<string> = new Set([MediaType.ociConfig, MediaType.dockerConfig, MediaType.octetStream]);

/** Manifests that go into the database in one transaction. */
const MANIFESTS_TOGETHER = 100;
const LOOKUPS_TOGETHER = 500;

/**
 * What is copied here is stored and protected from the collector. Nobody can read it, and it is part of a version only when
 * a commit says so; that commit also makes the rows durable.
 */
export class RepositoryTarget implements CopyTarget {
  blobs = 0;
  bytes = 0;
  /** Companion tags by the digest that they lead to; only their names tell the subject. */
  readonly companionTags = new Map<string, readonly string[]>();
  /** Size by digest of blobs whose bytes this copy found or brought. */
  private readonly placed = new Map<string, number>();
  private readonly looked = new Map<string, boolean>();
  private readonly small: SmallBlobs;
  private readonly whole: Batches<string, boolean>;
  private readonly held: Batches<string, HeldBlob | undefined>;
  private readonly rows: Batches<ManifestDraft, undefined>;

  constructor(private readonly options: TargetOptions) {
    const { source, store, holderId, deferred } = options;
    this.small = new SmallBlobs(store);
    this.whole = new Batches(
      async (digests) => {
        const found = await findWhole(source, holderId, digests, deferred?.remoteId);
        return digests.map((digest) => found.has(digest));
      },
      { most: LOOKUPS_TOGETHER, everyMs: BATCH_EVERY_MS },
    );
    this.held = new Batches(
      async (digests) => {
        const found = await holdBlobs(source, holderId, digests);
        return digests.map((digest) => found.get(digest));
      },
      { most: LOOKUPS_TOGETHER, everyMs: BATCH_EVERY_MS },
    );
    this.rows = new Batches(
      async (drafts) => {
        await this.insert(drafts);
        return drafts.map(() => undefined);
      },
      { most: MANIFESTS_TOGETHER, everyMs: BATCH_EVERY_MS },
    );
  }

  /** Asks for many manifests in one go what {@link exists} is going to be asked. */
  async lookFor(digests: readonly string[]): Promise<void> {
    await Promise.all(digests.map(async (digest) => this.looked.set(digest, await this.whole.do(digest))));
  }

  /** True for blobs whose bytes are here, and for images that are here with all their blobs. */
  async exists(node: Descriptor): Promise<boolean> {
    if (MANIFEST_TYPES.has(node.mediaType))
      return !this.companionTags.has(node.digest) && (this.looked.get(node.digest) ?? this.whole.do(node.digest));
    const held = await this.held.do(node.digest);
    // Bytes without a row are what an ended run stored before it could write them down.
    const size = held?.stored ? held.size : await this.options.store.size(node.digest);
    if (size === undefined || !sameSize(node, size)) return false;
    this.placed.set(node.digest, size);
    return true;
  }

  async putBlob(node: Descriptor, bytes: Readable): Promise<void> {
    const maxBytes = this.options.blobLimit || Number.MAX_SAFE_INTEGER;
    if (node.size <= Math.min(SMALL_BLOB, maxBytes)) await this.putSmall(node, bytes);
    else await this.options.store.storeStream(node.digest, bytes, { maxBytes, size: node.size, ownsChunks: true });
    this.placed.set(node.digest, node.size);
    this.bytes += node.size;
    this.blobs += 1;
  }

  async putManifest(manifest: CheckedManifest): Promise<void> {
    const { parsed, digest, bytes } = manifest;
    const facts = imageFacts(parsed, await this.configFacts(parsed));
    const signatures = await this.signaturesIn(manifest);
    await this.rows.do({ parsed, digest, bytes, facts, signatures });
  }

  private async putSmall(node: Descriptor, stream: Readable): Promise<void> {
    const bytes = await gather(stream, node.size);
    if (bytes.length !== node.size) throw sizeDiffers(node.size, bytes.length);
    await this.small.add(CheckedBlob.of(node.digest, bytes));
  }

  /** Rows of manifests with those of their blobs, once the blobs are in the store. */
  private async insert(drafts: readonly ManifestDraft[]): Promise<void> {
    const named = drafts.flatMap(({ parsed }) => blobsOf(parsed));
    await this.small.stored(named.map(({ digest }) => digest));
    const rows = await this.blobRows(named);
    const away = rows.filter(({ stored }) => !stored).map(({ digest }) => digest);
    if (away.length > 0 && !this.options.deferred)
      throw notFound(`The blob ${away[0]} went away while it was copied; sync again.`, 'BLOB_UNKNOWN');
    await commitEarly(this.options.source, async (tx) => {
      const ids = await writeBlobs(tx, rows);
      await this.defer(
        tx,
        away.map((digest) => ids.get(digest)!),
      );
      const manifests = await insertManifests(tx, drafts, { blobs: ids, manifests: await childrenOf(tx, drafts) });
      const units: UnitRef[] = [...ids.values()].map((id) => ({ id, kind: 'blob' }));
      for (const { digest, signatures } of drafts) {
        const id = manifests.get(digest)!;
        units.push({ id, kind: 'manifest' });
        for (const each of await insertSignatures(tx, signatures, id)) units.push({ id: each, kind: 'signature' });
      }
      await hold(tx, this.options.holderId, units);
    });
  }

  private async configFacts({ shape, config }: ParsedManifest): Promise<ConfigFacts | undefined> {
    if (shape !== 'image' || !config || !CONFIG_TYPES.has(config.mediaType) || config.size > FACTS_LIMIT)
      return undefined;
    return readConfigFacts(await this.small.read(config.digest, FACTS_LIMIT));
  }

  private signaturesIn(manifest: CheckedManifest): Promise<SignatureDraft[]> {
    const { parsed, digest } = manifest;
    const tags = this.companionTags.get(digest) ?? [];
    if (tags.length === 0 && parsed.subjects.length === 0) return Promise.resolve([]);
    return extractSignatures(manifest, parsed, tags, (descriptor, limit) => this.small.read(descriptor.digest, limit));
  }

  /** Rows of blobs that manifests name, each once; all of them must give it the size that it has. */
  private async blobRows(named: readonly Descriptor[]): Promise<{ digest: string; size: number; stored: boolean }[]> {
    const distinct = new Map(named.map((blob) => [blob.digest, blob]));
    const rows = await Promise.all(
      [...distinct.values()].map(async ({ digest, size: given }) => {
        // What this copy did not see to may be here nevertheless.
        const size = this.placed.get(digest) ?? (await this.options.store.size(digest));
        return { digest, size: size ?? given, stored: size !== undefined };
      }),
    );
    const sizes = new Map(rows.map(({ digest, size }) => [digest, size]));
    for (const blob of named) sameSize(blob, sizes.get(blob.digest)!);
    return rows;
  }

  private async defer(tx: EntityManager, blobIds: readonly string[]): Promise<void> {
    if (blobIds.length === 0 || !this.options.deferred) return;
    const { remoteId, upstreamName } = this.options.deferred;
    await tx.query(
      `insert into remote_blob (blob_id, remote_id, upstream_name) select b, $2, $3 from unnest($1::uuid[]) as b order by b
       on conflict (blob_id, remote_id) do update set upstream_name = excluded.upstream_name`,
      [blobIds, remoteId, upstreamName],
    );
  }
}

async function childrenOf(tx: EntityManager, drafts: readonly ManifestDraft[]): Promise<Map<string, string>> {
  const named = [...new Set(drafts.flatMap(({ parsed }) => parsed.children.map((child) => child.digest)))];
  if (named.length === 0) return new Map();
  const rows = await rowsOf<{ id: string; digest: string }>(
    tx,
    'select id, digest from manifest where digest = any($1::text[]) order by id for key share',
    [named],
  );
  const found = new Map(rows.map((row) => [row.digest, row.id]));
  const missing = named.find((digest) => !found.has(digest));
  if (missing) throw notFound(`The manifest ${missing} went away while it was copied; sync again.`, 'MANIFEST_UNKNOWN');
  return found;
}

function sameSize(node: Descriptor, size: number): boolean {
  if (node.size === size) return true;
  throw invalid(
    `A manifest gives ${node.size} bytes for ${node.digest}, which has ${size}.`,
    'size',
    'MANIFEST_INVALID',
    { digest: node.digest, expected: node.size, actual: size },
  );
}

/** A stream in memory. What breaks off or is longer than it should be fails as it does when it goes into the store. */
async function gather(stream: Readable, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > most) throw tooLarge(most);
      chunks.push(chunk);
    }
  } catch (error) {
    throw cutOff(size, error);
  }
  return Buffer.concat(chunks);
}
