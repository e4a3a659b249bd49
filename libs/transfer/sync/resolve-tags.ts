import type { Descriptor } from '#oci/descriptor.js';
import { MANIFEST_TYPES, MediaType } from '#oci/media-types.js';
import { looksLikeDigest } from '#oci/digest.js';
import { invalid } from '#platform/domain-error.js';
import { inLanes } from '../copy-graph.js';
import { isGone } from '../remote-registry/upstream-error.js';
import type { RemoteRegistry } from '../remote-registry/remote-registry.js';
import type { ManifestShelf } from './manifest-shelf.js';
import type { SyncPlan } from './sync-plan.js';

/** What references lead to: one HEAD for each that is not known. Tags that went away since they were listed are left out. */
export async function resolveTags(
  { registry, signal, progress, resolved }: SyncPlan,
  shelf: ManifestShelf,
  references: readonly string[],
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
    const descriptor = resolved?.get(reference) ?? (await resolveOne(registry, reference));
    if (descriptor) found.set(reference, await describe(shelf, reference, descriptor));
    report();
  });
  return found;
}

async function resolveOne(registry: RemoteRegistry, reference: string): Promise<Descriptor | undefined> {
  try {
    return await registry.resolve(reference);
  } catch (error) {
    if (isGone(error) && !looksLikeDigest(reference)) return undefined;
    throw error;
  }
}

/** The descriptor as it is, or by the manifest itself when the upstream gives it no type of a manifest. */
async function describe(shelf: ManifestShelf, reference: string, descriptor: Descriptor): Promise<Descriptor> {
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
