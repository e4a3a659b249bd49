import type { DataSource, EntityManager } from 'typeorm';
import type { ManifestDraft } from '#content/push/drafts.js';
import { requireContent } from '#content/push/find-content.js';
import { insertManifest, relateByTag } from '#content/push/insert-manifest.js';
import { insertSignatures } from '#content/push/insert-signatures.js';
import { insertTag, requireTags, supersededSignatures } from '#content/push/tags.js';
import { findByTag } from '#content/read/find-manifest.js';
import { protectDigest, stageBlob } from '#content/uploads/store-blob.js';
import { applyChange, lockRepository, type MadeVersion, type UnitRef } from '#content/versions/apply-change.js';
import { closureOf } from '#content/versions/closure.js';
import { companionTagOf } from '#oci/reference.js';
import { parseManifest } from '#oci/manifest.js';
import { inTransaction } from '#platform/database.js';
import { isDomainError } from '#platform/domain-error.js';
import type { BlobStore } from '#storage/blob-store.js';
import { formatOf } from '../formats/all.js';
import type { FormatName, StoredManifest, WrappedSignature } from '../formats/signature-format.js';
import { toSignatureDraft } from './signature-draft.js';

/** A signature that was made or received and verified as far as it has to be. */
export interface NewSignature {
  readonly format: FormatName;
  readonly manifest: StoredManifest;
  readonly bytes: Uint8Array;
  readonly signingServiceId?: string;
}

/** Where signatures are stored. */
export interface SignatureStores {
  readonly source: DataSource;
  readonly store: BlobStore;
}

/** What the storing transaction does besides. */
export interface StoreOptions {
  readonly taskId?: string;
  /** Runs first in the transaction; throwing undoes everything. */
  readonly fence?: (tx: EntityManager) => Promise<void>;
}

interface CarrierDraft {
  readonly draft: ManifestDraft;
  readonly tag?: string;
  /** Digest that the companion tag had when the carrier was made from it; null: no tag. */
  readonly expected?: string | null;
}

/**
 * Adds signatures to a repository in one new version, with the artifacts that their clients look for. Companion tags are
 * appended to: when somebody else appends at the same time, the artifact is made again from the newer one.
 */
export async function storeSignatures(
  stores: SignatureStores,
  repositoryId: string,
  signatures: readonly NewSignature[],
  options: StoreOptions = {},
): Promise<MadeVersion | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const { loose, carriers, blobs } = await prepare(stores.source, repositoryId, signatures);
    await storeBlobs(stores, repositoryId, blobs);
    try {
      return await inTransaction(stores.source, (tx) => commit(tx, repositoryId, loose, carriers, options));
    } catch (error) {
      const raced = isDomainError(error) && error.kind === 'precondition-failed';
      if (!raced || attempt >= 10) throw error;
    }
  }
}

/** Puts small blobs into the store and the staging of a repository, each once. */
export async function storeBlobs(
  { source, store }: SignatureStores,
  repositoryId: string,
  blobs: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  if (blobs.size === 0) return;
  const digests = [...blobs.keys()].sort();
  await inTransaction(source, async (tx) => {
    for (const digest of digests) await protectDigest(tx, digest);
    for (let at = 0; at < digests.length; at += 16)
      await Promise.all(
        digests.slice(at, at + 16).map((digest) => store.putBytes(digest, Buffer.from(blobs.get(digest)!))),
      );
    for (const digest of digests) await stageBlob(tx, repositoryId, digest, blobs.get(digest)!.length);
  });
}

async function prepare(source: DataSource, repositoryId: string, signatures: readonly NewSignature[]) {
  const loose = [];
  const carriers = new Map<string, CarrierDraft>();
  const blobs = new Map<string, Uint8Array>();
  for (const signature of signatures) {
    const format = formatOf(signature.format);
    const parsed = await format.parse(signature.bytes);
    const unit = toSignatureDraft(
      format.name,
      signature.manifest.digest,
      signature.bytes,
      parsed,
      signature.signingServiceId,
    );
    if (!format.wrap) {
      loose.push(unit);
      continue;
    }
    const companion = parsed.scheme === 'cosign:tag' ? companionTagOf(signature.manifest.digest, 'sig') : undefined;
    const earlier = companion === undefined ? undefined : carriers.get(companion);
    const existing =
      companion === undefined || earlier
        ? undefined
        : await findByTag(source, { repositoryId, pinned: null }, companion);
    const wrapped = format.wrap(
      signature.manifest,
      signature.bytes,
      new Date(),
      earlier?.draft.bytes ?? existing?.bytes,
    );
    for (const blob of wrapped.blobs) blobs.set(blob.descriptor.digest, blob.bytes);
    const expected = earlier ? earlier.expected : (existing?.digest ?? null);
    const draft = draftOf(wrapped, [...(earlier?.draft.signatures ?? []), unit]);
    const key = wrapped.tag ?? wrapped.manifest.descriptor.digest;
    carriers.set(key, wrapped.tag === undefined ? { draft } : { draft, tag: wrapped.tag, expected: expected ?? null });
  }
  return { loose, carriers: [...carriers.values()], blobs };
}

function draftOf({ manifest }: WrappedSignature, signatures: ManifestDraft['signatures']): ManifestDraft {
  const facts = { type: 'cosign_signature', labels: {}, architecture: null, os: null };
  const parsed = parseManifest(manifest.bytes, manifest.descriptor.mediaType);
  const type =
    signatures[0]?.scheme === 'cosign:tag'
      ? 'cosign_signature'
      : signatures[0]?.scheme === 'cosign:bundle'
        ? 'cosign_attestation_bundle'
        : 'artifact';
  return { parsed, digest: manifest.descriptor.digest, bytes: manifest.bytes, facts: { ...facts, type }, signatures };
}

async function commit(
  tx: EntityManager,
  repositoryId: string,
  loose: ManifestDraft['signatures'],
  carriers: readonly CarrierDraft[],
  options: StoreOptions,
): Promise<MadeVersion | undefined> {
  await options.fence?.(tx);
  await lockRepository(tx, repositoryId);
  const tagged = carriers.filter((carrier) => carrier.tag !== undefined);
  await requireTags(
    tx,
    repositoryId,
    tagged.map(({ tag, expected }) => ({ tag: tag!, expected: expected === null ? null : [expected!] })),
  );
  const add: UnitRef[] = (await insertSignatures(tx, loose)).map((id) => ({ id, kind: 'signature' }));
  const remove: string[] = [];
  for (const { draft, tag } of carriers) {
    const manifestId = await insertManifest(tx, draft, await requireContent(tx, repositoryId, draft.parsed));
    const ids = await insertSignatures(tx, draft.signatures, manifestId);
    add.push(...ids.map((id): UnitRef => ({ id, kind: 'signature' })), ...(await closureOf(tx, [manifestId])));
    if (tag === undefined) continue;
    await carryOver(tx, manifestId, draft, repositoryId, tag);
    add.push({ id: await insertTag(tx, tag, manifestId), kind: 'tag', tagName: tag });
    await relateByTag(tx, tag, manifestId);
    remove.push(...(await supersededSignatures(tx, repositoryId, [tag], manifestId)));
  }
  return applyChange(tx, repositoryId, { add, remove }, { taskId: options.taskId ?? null });
}

/** Signatures of the companion that was appended to are carried by the new one too. */
async function carryOver(
  tx: EntityManager,
  manifestId: string,
  draft: ManifestDraft,
  repositoryId: string,
  tag: string,
): Promise<void> {
  if (draft.parsed.layers.length === 0) return;
  await tx.query(
    `insert into signature_carrier (signature_id, carrier_id)
     select k.signature_id, $1 from membership m join tag t on t.id = m.unit_id join signature_carrier k on k.carrier_id = t.manifest_id
     where m.repository_id = $2 and m.tag_name = $3 and m.removed_in is null on conflict do nothing`,
    [manifestId, repositoryId, tag],
  );
}
