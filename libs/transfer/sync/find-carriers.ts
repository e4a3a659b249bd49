import { MAX_INDEX_DEPTH } from '#content/push/index-depth.js';
import type { Descriptor } from '#oci/descriptor.js';
import { INDEX_TYPES, MANIFEST_TYPES } from '#oci/media-types.js';
import { isFallbackTag } from '#oci/reference.js';
import { DomainError } from '#platform/domain-error.js';
import { aboutTag } from './about-tag.js';
import type { FoundCarrier, SignatureFinder } from './find-signatures.js';
import type { ManifestShelf } from './manifest-shelf.js';

/** Most levels of referrers of referrers; whoever has more of them makes them up while they are asked for. */
const MOST_LEVELS = 100;
const MOST_SUBJECTS = 200_000;

/** Works on every item, a few at once. */
export type InLanes = <T>(items: readonly T[], work: (item: T) => Promise<void>) => Promise<void>;

/** What refers to the images of a sync. */
export interface FoundCarriers {
  /** The manifests below each root, itself first, by the root's digest. */
  readonly below: ReadonlyMap<string, readonly string[]>;
  /** Manifests that refer to one of them, by digest. */
  readonly carriers: ReadonlyMap<string, FoundCarrier>;
  /** Digest by attachment tag. */
  readonly tags: ReadonlyMap<string, string>;
}

/** Looks for what refers to the manifests below the images, and to what was found so, at any depth. */
export async function findCarriers(
  finder: SignatureFinder,
  shelf: ManifestShelf,
  images: ReadonlyMap<string, Descriptor>,
  inLanes: InLanes,
): Promise<FoundCarriers> {
  const subjects = new Map<string, Descriptor>();
  const below = await manifestsBelow(shelf, images, subjects, inLanes);
  const carriers = new Map<string, FoundCarrier>();
  const tags = new Map<string, string>();
  let level = [...subjects.values()];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MOST_LEVELS) throw limit(`Referrers of referrers are more than ${MOST_LEVELS} levels deep.`);
    const next: Descriptor[] = [];
    await inLanes(level, async (subject) => {
      for (const carrier of await finder.find(subject, depth > 0)) {
        const { tag, descriptor } = carrier;
        if (tag) tags.set(tag, descriptor.digest);
        if (carriers.has(descriptor.digest)) continue;
        carriers.set(descriptor.digest, carrier);
        // An index of referrers only lists them; each of them is a carrier by itself.
        if (tag === undefined || !isFallbackTag(tag)) next.push(...(await newBelow(shelf, descriptor, subjects)));
      }
    });
    level = next;
  }
  return { below, carriers, tags };
}

/** A root and all that it lists, without what is among the subjects already. */
async function newBelow(
  shelf: ManifestShelf,
  root: Descriptor,
  subjects: Map<string, Descriptor>,
): Promise<Descriptor[]> {
  const nested = await nestedIn(shelf, root);
  const found = [...nested.values()].filter(({ digest }) => !subjects.has(digest));
  addAll(subjects, found);
  return found;
}

function addAll(subjects: Map<string, Descriptor>, nodes: Iterable<Descriptor>): void {
  for (const node of nodes) subjects.set(node.digest, node);
  if (subjects.size > MOST_SUBJECTS) throw limit(`The upstream has more than ${MOST_SUBJECTS} manifests.`);
}

async function manifestsBelow(
  shelf: ManifestShelf,
  images: ReadonlyMap<string, Descriptor>,
  subjects: Map<string, Descriptor>,
  inLanes: InLanes,
): Promise<Map<string, readonly string[]>> {
  const below = new Map<string, readonly string[]>();
  const distinct = new Map([...images].map(([name, root]) => [root.digest, { name, root }]));
  await inLanes([...distinct.values()], async ({ name, root }) => {
    const nested = await aboutTag(name, () => nestedIn(shelf, root));
    addAll(subjects, nested.values());
    below.set(root.digest, [...nested.keys()]);
  });
  return below;
}

/** A root and all that it lists, at any depth, each once. */
async function nestedIn(shelf: ManifestShelf, root: Descriptor): Promise<Map<string, Descriptor>> {
  const seen = new Map<string, Descriptor>([[root.digest, root]]);
  let level = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_INDEX_DEPTH) throw limit(`${root.digest} is nested more than ${MAX_INDEX_DEPTH} indexes deep.`);
    const next: Descriptor[] = [];
    for (const node of level.filter(({ mediaType }) => INDEX_TYPES.has(mediaType)))
      for (const child of (await shelf.read(node.digest)).parsed.children) {
        if (!MANIFEST_TYPES.has(child.mediaType) || seen.has(child.digest)) continue;
        seen.set(child.digest, child);
        next.push(child);
      }
    level = next;
  }
  return seen;
}

const limit = (message: string) => new DomainError('too-large', 'COPY_LIMIT', message);
