import type { UnitCounts } from '#content/versions/version.entity.js';
import { defineTask } from '#tasks/define-task.js';

/** What to bring from where. */
export interface SyncPayload {
  readonly repositoryId: string;
  readonly remoteId: string;
  /** Make the repository equal to the upstream, but for signatures that were made here; otherwise only add. */
  readonly mirror: boolean;
  /** Take only images that are signed. */
  readonly signedOnly: boolean;
  /** Id of a trust policy: a signature counts only when it is verified. */
  readonly trustPolicy?: string | null;
}

/** How signatures are found upstream. */
export type SignatureWay = 'extension' | 'lookaside' | 'companion_tags' | 'fallback_index' | 'referrers';

/** The version that a sync made, or the newest one when nothing changed, with what came. */
export interface SyncResult {
  readonly version: SyncedVersion | null;
  /** False when the upstream had nothing new. */
  readonly changed: boolean;
  /** Tags that were looked at and taken. */
  readonly tags: number;
  /** Tags that `signedOnly` left out, the first hundred. */
  readonly skipped: readonly string[];
  readonly skippedCount: number;
  readonly fetched: { readonly manifests: number; readonly blobs: number; readonly bytes: number };
  /** Signatures that were found, by the way they were found. */
  readonly signatures: Readonly<Record<SignatureWay, number>>;
  /** Signatures that could not be read or are about another manifest, the first twenty. */
  readonly refusedSignatures: readonly string[];
}

/** A version as the result of a task names it. */
export interface SyncedVersion {
  readonly pulp_href: string;
  readonly number: number;
  readonly content_summary: {
    readonly added: UnitCounts;
    readonly removed: UnitCounts;
    readonly present: UnitCounts;
  };
}

/** Brings an upstream repository with its signatures into a repository, in at most one new version. */
export const syncTask = defineTask<SyncPayload, SyncResult>({
  name: 'pulp_container.app.tasks.synchronize.synchronize',
});
