import type { DataSource } from 'typeorm';
import type { ManifestDraft, SignatureDraft } from '#content/push/drafts.js';
import { parseManifest } from '#oci/manifest.js';
import { companionTagOf } from '#oci/reference.js';
import { isDomainError } from '#platform/domain-error.js';
import { formatOf } from '../formats/all.js';
import type { FormatName, StoredManifest, WrappedSignature } from '../formats/signature-format.js';
import { findCompanions } from './find-companions.js';
import { toSignatureDraft } from './signature-draft.js';

/** A signature that was made or received and verified as far as it has to be. */
export interface NewSignature {
  readonly format: FormatName;
  readonly manifest: StoredManifest;
  readonly bytes: Uint8Array;
  readonly signingServiceId?: string;
}

/** An artifact to store, with the signatures in it. */
export interface CarrierDraft {
  readonly draft: ManifestDraft;
  readonly tag?: string;
  /** Digest that the companion tag had when the carrier was made from it; null: no tag. */
  readonly expected: string | null;
}

/** Everything that is stored for signatures, worked out before the transaction. */
export interface PreparedSignatures {
  /** Units without an artifact. */
  readonly loose: readonly SignatureDraft[];
  readonly carriers: readonly CarrierDraft[];
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** Signatures that cannot be carried, such as one too many under a tag. */
  readonly refused: ReadonlyMap<NewSignature, Error>;
}

interface Read {
  readonly signature: NewSignature;
  readonly unit: SignatureDraft;
  readonly companion: string | undefined;
}

/** Puts signatures into the artifacts of their families, companion tags of the repository appended to. */
export async function prepareSignatures(
  source: DataSource,
  repositoryId: string,
  signatures: readonly NewSignature[],
): Promise<PreparedSignatures> {
  const read = await Promise.all(signatures.map(readSignature));
  const tags = new Set(read.flatMap(({ companion }) => (companion === undefined ? [] : [companion])));
  const existing = await findCompanions(source, repositoryId, [...tags], 'manifest');
  const loose: SignatureDraft[] = [];
  const carriers = new Map<string, CarrierDraft>();
  const blobs = new Map<string, Uint8Array>();
  const refused = new Map<NewSignature, Error>();
  const now = new Date();
  for (const { signature, unit, companion } of read) {
    const { wrap } = formatOf(signature.format);
    if (!wrap) {
      loose.push(unit);
      continue;
    }
    const earlier = companion === undefined ? undefined : carriers.get(companion);
    const stored = companion === undefined ? undefined : existing.get(companion);
    try {
      const wrapped = wrap(signature.manifest, signature.bytes, now, earlier?.draft.bytes ?? stored?.bytes);
      for (const blob of wrapped.blobs) blobs.set(blob.descriptor.digest, blob.bytes);
      const draft = draftOf(wrapped, [...(earlier?.draft.signatures ?? []), unit]);
      const tag = wrapped.tag === undefined ? {} : { tag: wrapped.tag };
      carriers.set(wrapped.tag ?? draft.digest, { draft, ...tag, expected: stored?.digest ?? null });
    } catch (error) {
      if (!isDomainError(error)) throw error;
      refused.set(signature, error);
    }
  }
  return { loose, carriers: [...carriers.values()], blobs, refused };
}

async function readSignature(signature: NewSignature): Promise<Read> {
  const { format, manifest, bytes, signingServiceId } = signature;
  const parsed = await formatOf(format).parse(bytes);
  const unit = toSignatureDraft(format, manifest.digest, bytes, parsed, signingServiceId);
  const companion = parsed.scheme === 'cosign:tag' ? companionTagOf(manifest.digest, 'sig') : undefined;
  return { signature, unit, companion };
}

const TYPES: Readonly<Record<string, string>> = {
  'cosign:tag': 'cosign_signature',
  'cosign:bundle': 'cosign_attestation_bundle',
};

function draftOf({ manifest }: WrappedSignature, signatures: ManifestDraft['signatures']): ManifestDraft {
  const type = TYPES[signatures[0]?.scheme ?? ''] ?? 'artifact';
  const parsed = parseManifest(manifest.bytes, manifest.descriptor.mediaType);
  const facts = { type, labels: {}, architecture: null, os: null };
  return { parsed, digest: manifest.descriptor.digest, bytes: manifest.bytes, facts, signatures };
}
