import type { Descriptor } from '#oci/descriptor.js';
import { MANIFEST_TYPES, MediaType } from '#oci/media-types.js';
import { looksLikeDigest } from '#oci/digest.js';
import { invalid } from '#platform/domain-error.js';
import type { TaskContext } from '#tasks/define-task.js';
import { inLanes } from '../copy-graph.js';
import { isGone } from '../remote-registry/upstream-error.js';
import type { RemoteRegistry } from '../remote-registry/remote-registry.js';
import type { ManifestShelf } from './manifest-shelf.js';

/** What references lead to: one HEAD for each. Tags that went away since they were listed are left out. */
export async function resolveTags(
  registry: RemoteRegistry,
  shelf: ManifestShelf,
  references: readonly string[],
  signal: AbortSignal,
  progress: TaskContext['progress'],
): Promise<Map<string, Descriptor>> {
  const found = new Map<string, Descriptor>();
  const report = () =>
    progress({
      message: 'Processing Manifests',
      code: 'sync.processing.manifest',
      done: found.size,
      total: references.length,
    });
  await inLanes(references, registry.upstream.concurrency, async (reference) => {
    signal.throwIfAborted();
    const descriptor = await resolveOne(registry, shelf, reference);
    if (descriptor) found.set(reference, descriptor);
    report();
  });
  return found;
}

async function resolveOne(
  registry: RemoteRegistry,
  shelf: ManifestShelf,
  reference: string,
): Promise<Descriptor | undefined> {
  let descriptor: Descriptor;
  try {
    descriptor = await registry.resolve(reference);
  } catch (error) {
    if (isGone(error) && !looksLikeDigest(reference)) return undefined;
    throw error;
  }
  refuseSchema1(reference, descriptor.mediaType);
  return MANIFEST_TYPES.has(descriptor.mediaType) ? descriptor : shelf.describe(descriptor.digest);
}

function refuseSchema1(reference: string, mediaType: string): void {
  if (mediaType !== MediaType.dockerSchema1 && mediaType !== MediaType.dockerSchema1Signed) return;
  throw invalid(
    `${reference} is an image of schema 1, which is not supported: push it again upstream with a current client, or name it in the remote's excludes.`,
    'excludes',
    'SCHEMA1_UNSUPPORTED',
    { reference },
  );
}
