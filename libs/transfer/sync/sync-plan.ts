import type { DataSource } from 'typeorm';
import type { Descriptor } from '#oci/descriptor.js';
import type { SignatureDraft } from '#content/push/drafts.js';
import type { HallmarkConfig } from '#platform/config.js';
import type { BlobStore } from '#storage/blob-store.js';
import type { TaskContext } from '#tasks/define-task.js';
import type { TrustMaterial } from '#signing/trust-material.js';
import type { RemoteEntity } from '../remotes/remote.entity.js';
import type { RemoteRegistry } from '../remote-registry/remote-registry.js';
import type { SignatureWay } from './sync.task.js';

/** Parts of this process that a sync works with. */
export interface SyncParts {
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly config: HallmarkConfig;
}

/** What verified signatures an image must have. */
export interface TrustRule {
  readonly trust: TrustMaterial;
  readonly required: number;
}

/** One sync: from where, into what, which part. */
export interface SyncPlan {
  readonly repositoryId: string;
  readonly remote: RemoteEntity;
  readonly registry: RemoteRegistry;
  readonly mirror: boolean;
  /** Take only images that are signed; with a rule, only those that pass it. */
  readonly signedOnly: boolean;
  readonly trust?: TrustRule;
  /** Only these tags and digests, without asking for the list of tags. */
  readonly references?: readonly string[];
  /** What some of the references lead to, when the upstream was asked just now. */
  readonly resolved?: ReadonlyMap<string, Descriptor>;
  readonly signal: AbortSignal;
  readonly progress: TaskContext['progress'];
}

/** What was brought and belongs into the version. */
export interface Brought {
  /** Digest by tag name, attachments included. */
  readonly tags: ReadonlyMap<string, string>;
  /** Manifests without a tag of their own: asked for by digest, and referrers. */
  readonly digests: ReadonlySet<string>;
  /** Signatures that no manifest carries. */
  readonly loose: readonly SignatureDraft[];
  readonly skipped: readonly string[];
  readonly refused: readonly string[];
  readonly ways: Readonly<Record<SignatureWay, number>>;
  readonly fetched: { readonly manifests: number; readonly blobs: number; readonly bytes: number };
}
