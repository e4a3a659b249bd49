import type { Readable } from 'node:stream';
import type { DataSource, EntityManager } from 'typeorm';
import { insertManifest, type KnownContent } from '#content/push/insert-manifests.js';
import { insertSignatures } from '#content/push/insert-signatures.js';
import type { UnitRef } from '#content/versions/apply-change.js';
import type { Descriptor } from '#oci/descriptor.js';
import { blobsOf, type ParsedManifest, parseManifest } from '#oci/manifest.js';
import { MANIFEST_TYPES, MediaType } from '#oci/media-types.js';
import type { Target } from '#oci/target.js';
import { inTransaction, rowsOf } from '#platform/database.js';
import { invalid, notFound } from '#platform/domain-error.js';
import type { SignatureDraft } from '#content/push/drafts.js';
import { extractSignatures } from '#signing/push/extract-signatures.js';
import { type ConfigFacts, imageFacts, readConfigFacts } from '#signing/push/image-facts.js';
import type { BlobStore } from '#storage/blob-store.js';
import { Batch } from './batch.js';
import { findWhole, hold, holdBlobs, type HeldBlob, writeBlobs } from './held-content.js';

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

/**
 * What is copied here is stored and protected from the collector. Nobody can read it, and it is part of a version only when
 * a commit says so.
 */
export class RepositoryTarget implements Pick<Target, 'exists' | 'push'> {
  blobs = 0;
  bytes = 0;
  /** Companion tags by the digest that they lead to; only their names tell the subject. */
  readonly companionTags = new Map<string, readonly string[]>();
  private readonly manifests: Batch<string, true>;
  private readonly held: Batch<string, HeldBlob>;

  constructor(private readonly options: TargetOptions) {
    const { source, holderId, deferred } = options;
    this.manifests = new Batch((digests) => findWhole(source, holderId, digests, deferred?.remoteId));
    this.held = new Batch((digests) => holdBlobs(source, holderId, digests));
  }

  /** True for blobs whose bytes are here, and for images that are here with all their blobs. */
  async exists(node: Descriptor): Promise<boolean> {
    if (MANIFEST_TYPES.has(node.mediaType))
      return !this.companionTags.has(node.digest) && (await this.manifests.get(node.digest)) === true;
    const held = await this.held.get(node.digest);
    if (held?.stored) return sameSize(node, held.size);
    // Bytes that an ended run stored before it could write them down.
    const size = await this.options.store.size(node.digest);
    return size !== undefined && sameSize(node, size);
  }

  async push(node: Descriptor, bytes: Readable): Promise<void> {
    if (MANIFEST_TYPES.has(node.mediaType)) return this.pushManifest(node, await gather(bytes));
    const maxBytes = this.options.blobLimit || Number.MAX_SAFE_INTEGER;
    this.bytes += await this.options.store.storeStream(node.digest, bytes, { maxBytes, size: node.size });
    this.blobs += 1;
  }

  private async pushManifest(node: Descriptor, bytes: Buffer): Promise<void> {
    const parsed = parseManifest(bytes, node.mediaType);
    const facts = imageFacts(parsed, await this.configFacts(parsed));
    const signatures = await this.signaturesIn({ ...node, mediaType: parsed.mediaType, bytes }, parsed);
    const draft = { parsed, digest: node.digest, bytes, facts, signatures };
    const present = await this.presentBlobs(parsed);
    await inTransaction(this.options.source, async (tx) => {
      const known = { blobs: await this.writeBlobs(tx, parsed, present), manifests: await childrenOf(tx, parsed) };
      const id = await insertManifest(tx, draft, known);
      const units: UnitRef[] = (await insertSignatures(tx, signatures, id)).map((each) => ({
        id: each,
        kind: 'signature',
      }));
      for (const blob of known.blobs.values()) units.push({ id: blob, kind: 'blob' });
      await hold(tx, this.options.holderId, [{ id, kind: 'manifest' }, ...units]);
    });
  }

  private async configFacts({ shape, config }: ParsedManifest): Promise<ConfigFacts | undefined> {
    if (shape !== 'image' || !config || !CONFIG_TYPES.has(config.mediaType) || config.size > FACTS_LIMIT)
      return undefined;
    return readConfigFacts(await this.options.store.getBytes(config.digest, FACTS_LIMIT));
  }

  private signaturesIn(manifest: Descriptor & { bytes: Buffer }, parsed: ParsedManifest): Promise<SignatureDraft[]> {
    const tags = this.companionTags.get(manifest.digest) ?? [];
    if (tags.length === 0 && parsed.subjects.length === 0) return Promise.resolve([]);
    return extractSignatures(manifest, parsed, tags, (descriptor, limit) =>
      this.options.store.getBytes(descriptor.digest, limit),
    );
  }

  /** Digests of the manifest's blobs whose bytes are in the store. */
  private async presentBlobs(parsed: ParsedManifest): Promise<Set<string>> {
    const present = new Set<string>();
    for (const { digest } of blobsOf(parsed))
      if ((await this.options.store.size(digest)) !== undefined) present.add(digest);
    return present;
  }

  private async writeBlobs(
    tx: EntityManager,
    parsed: ParsedManifest,
    present: ReadonlySet<string>,
  ): Promise<KnownContent['blobs']> {
    const blobs = new Map(blobsOf(parsed).map(({ digest, size }) => [digest, size]));
    const rows = [...blobs].map(([digest, size]) => ({ digest, size, stored: present.has(digest) }));
    const ids = await writeBlobs(tx, rows);
    for (const { digest, stored } of rows) if (!stored) await this.defer(tx, ids.get(digest)!, digest);
    return ids;
  }

  private async defer(tx: EntityManager, blobId: string, digest: string): Promise<void> {
    if (!this.options.deferred)
      throw notFound(`The blob ${digest} went away while it was copied; sync again.`, 'BLOB_UNKNOWN');
    const { remoteId, upstreamName } = this.options.deferred;
    await tx.query(
      `insert into remote_blob (blob_id, remote_id, upstream_name) values ($1, $2, $3)
       on conflict (blob_id, remote_id) do update set upstream_name = excluded.upstream_name`,
      [blobId, remoteId, upstreamName],
    );
  }
}

async function childrenOf(tx: EntityManager, parsed: ParsedManifest): Promise<Map<string, string>> {
  const named = [...new Set(parsed.children.map((child) => child.digest))];
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

async function gather(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
