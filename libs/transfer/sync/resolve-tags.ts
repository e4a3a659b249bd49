import type { Descriptor } from '#oci/descriptor.js';
import { MANIFEST_TYPES, SCHEMA1_TYPES } from '#oci/media-types.js';
import { looksLikeDigest } from '#oci/digest.js';
import { invalid } from '#platform/domain-error.js';
import { inLanes } from '#platform/in-lanes.js';
import { aboutTag } from './about-tag.js';
import { isGone } from '../remote-registry/upstream-error.js';
import type { ManifestShelf } from './manifest-shelf.js';
import type { SyncPlan } from './sync-plan.js';

/** So many references are asked for first; when all of them lead to something new, the others probably do. */
const PROBES = 10;

/**
 * What references lead to, by one request for each: HEAD, or GET when nothing of the upstream seems to be here yet, so that
 * manifests come at once. Tags that went away since they were listed are left out.
 */
export async function resolveTags(
  { registry, signal, progress, resolved, signedOnly }: SyncPlan,
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
  let fetches = false;
  const lookUp = async (reference: string) => {
    signal.throwIfAborted();
    const known = resolved?.get(reference);
    const told = known ?? (fetches ? undefined : await unlessGone(reference, registry.resolve(reference)));
    // What HEAD does not find is asked for by GET before it counts as gone: a mirror would remove it.
    const descriptor = told ?? (await unlessGone(reference, fetch(reference)));
    if (descriptor) found.set(reference, await describe(shelf, reference, descriptor));
    report();
  };
  const fetch = async (reference: string) => {
    const fetched = await registry.manifest(reference);
    refuseSchema1(reference, fetched.descriptor.mediaType);
    const isNew = await aboutTag(reference, () => shelf.put(fetched));
    fetches &&= isNew && !shelf.isFull;
    return shelf.describe(fetched.descriptor.digest);
  };
  const { concurrency } = registry.upstream;
  await inLanes(references.slice(0, PROBES), concurrency, lookUp);
  fetches = !signedOnly && references.length > PROBES && (await areNews(shelf, [...found.values()]));
  await inLanes(references.slice(PROBES), concurrency, lookUp);
  return found;
}

/** True when these are as many manifests, none of which is here. */
async function areNews(shelf: ManifestShelf, found: readonly Descriptor[]): Promise<boolean> {
  const digests = new Set(found.map(({ digest }) => digest));
  return digests.size === PROBES && shelf.hasNone([...digests]);
}

async function unlessGone<T>(reference: string, asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
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
  if (!SCHEMA1_TYPES.has(mediaType)) return;
  throw invalid(
    `${reference} is an image of schema 1, which is not supported: push it again upstream with a current client, or name it in the remote's excludes.`,
    'excludes',
    'SCHEMA1_UNSUPPORTED',
    { reference },
  );
}
