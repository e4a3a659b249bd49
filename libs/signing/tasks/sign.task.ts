import { defineTask } from '#tasks/define-task.js';

/** What to sign. `reference` is `host/path`, without a tag; `tagNames` null: every image tag of the newest version. */
export interface SignPayload {
  readonly repositoryId: string;
  readonly serviceId: string;
  readonly reference: string;
  readonly tagNames: readonly string[] | null;
  /** Sign again what has a valid signature of this key for this reference already. */
  readonly force: boolean;
  /** Sign indexes too, not only the images that they list. */
  readonly signLists: boolean;
}

/** How many manifests were signed or had been, and which failed. */
export interface SignResult {
  readonly signed: number;
  readonly skipped: number;
  readonly failed: readonly { readonly manifest: string; readonly reference: string; readonly reason: string }[];
}

/** Signs the manifests of a repository's tags and adds the signatures in one new version. */
export const signTask = defineTask<SignPayload, SignResult>({ name: 'pulp_container.app.tasks.sign.sign' });
