import type { FormatName } from '#signing/formats/signature-format.js';
import { defineTask } from '#tasks/define-task.js';

/** Which archive goes into which repository; the archive was taken by `acceptImport`. */
export interface ImportPayload {
  readonly repositoryId: string;
  readonly importId: string;
}

/** What an archive held and what became of it. */
export interface ImportReport {
  /** Image tags. */
  readonly tags: number;
  /** Images, those that indexes list among them. */
  readonly images: number;
  readonly indexes: number;
  /** Signatures, attestations and SBOMs. */
  readonly signatures: number;
  readonly signaturesByFormat: Readonly<Partial<Record<FormatName, number>>>;
  readonly manifests: number;
  readonly blobs: number;
  /** Bytes of the blobs. */
  readonly bytes: number;
  /** Images without a tag: they are in the version and found by digest only. */
  readonly untagged: readonly string[];
  /** Number of the version that was made; null when everything was here already. */
  readonly version: number | null;
}

/** Imports an OCI image layout into a repository in one new version. */
export const importTask = defineTask<ImportPayload, ImportReport>({ name: 'hallmark.tasks.import_layout' });
