import type { Descriptor } from '#oci/descriptor.js';
import { isDigest } from '#oci/digest.js';
import { fallbackTagOf, isAttachmentTag, isTagName } from '#oci/reference.js';
import { conflict } from '#platform/domain-error.js';
import { ContentCopy } from './content-copy.js';
import { findCarriers, type FoundCarriers } from './find-carriers.js';
import { SignatureFinder } from './find-signatures.js';
import { signaturesIn, tagsNow } from './head-content.js';
import { ManifestShelf } from './manifest-shelf.js';
import { mergeCompanions } from './merge-companions.js';
import { resolveTags } from './resolve-tags.js';
import { type Selection, selectTags } from './select-tags.js';
import { chooseSigned, type KnownSignature } from './signed-only.js';
import type { Brought, SyncParts, SyncPlan } from './sync-plan.js';
import type { SignatureWay } from './sync.task.js';

/** The part of a sync that needs the network: everything arrives and is held, no version changes. */
export async function bringContent(parts: SyncParts, plan: SyncPlan, holderId: string): Promise<Brought> {
  const { registry, references, repositoryId } = plan;
  const shelf = new ManifestShelf(parts.source, registry);
  const copy = new ContentCopy(parts, plan, shelf, holderId);
  const { signatures: extension } = await registry.ping();
  const selection = await select(parts, plan);
  const named = [...selection.images, ...(selection.filtered ? [] : selection.attachments), ...selection.digests];
  const resolved = await resolveTags(plan, shelf, named);
  const images = new Map([...resolved].filter(([name]) => !isAttachmentTag(name)));
  if (plan.mirror && selection.images.length > 0 && images.size === 0) await refuseEmptied(parts, plan);
  const attachments = [...resolved].filter(([name]) => isAttachmentTag(name));
  const attachmentTags = references ? undefined : new Set(selection.attachments);
  const roots = new Set([...images.values()].map(({ digest }) => digest));
  const finder = new SignatureFinder({ registry, shelf, extension, attachmentTags, roots, resolved });
  const found = await findCarriers(finder, shelf, images, (items, work) => copy.lanes(items, work));
  await copy.lanes(attachments, ([tag, descriptor]) => finder.checkFallback(tag, descriptor));
  const whole = attachments.filter(([tag]) => !finder.stale.has(tag));
  const tags = new Map([...found.tags, ...whole.map(([tag, { digest }]) => [tag, digest] as const)]);
  await copy.attachments(found.carriers, tags);
  const known = await knownSignatures(parts, finder, found);
  const kept = await keepSigned(plan, shelf, images, found, known);
  await copy.images(kept);
  const about = new Set([...kept.values()].flatMap(({ digest }) => found.below.get(digest) ?? [digest]));
  if (plan.signedOnly) dropOrphans(tags, about);
  const { target } = copy;
  const merged = await mergeCompanions({ ...parts, repositoryId, shelf, target }, tags);
  for (const [name, { digest }] of kept) if (!isDigest(name)) merged.set(name, digest);
  return {
    tags: merged,
    digests: new Set([...kept.keys()].filter(isDigest).concat(untagged(plan, found, about, known))),
    loose: finder.loose.map(({ draft }) => draft).filter((draft) => about.has(draft.manifestDigest)),
    skipped: [...images.keys()].filter((name) => !kept.has(name)).sort(),
    refused: finder.refused,
    ways: countWays(known, about),
    fetched: { manifests: shelf.fetched, blobs: target.blobs, bytes: target.bytes },
  };
}

async function select(parts: SyncParts, { references, registry, remote, ...plan }: SyncPlan): Promise<Selection> {
  if (references)
    return { ...selectTags(references.filter(isTagName), null, null), digests: references.filter(isDigest) };
  const report = (state: 'running' | 'completed', done: number) =>
    plan.progress({ message: 'Downloading tag list', code: 'sync.downloading.tag_list', state, done, total: 1 });
  report('running', 0);
  const tags = await registry.tags();
  report('completed', 1);
  if (plan.mirror && tags.length === 0) await refuseEmptied(parts, { registry, ...plan });
  return selectTags(tags, remote.includes, remote.excludes);
}

/** An upstream that lost everything is not mirrored into a repository that has something. */
async function refuseEmptied(
  { source }: SyncParts,
  { registry: { upstream }, repositoryId }: Pick<SyncPlan, 'registry' | 'repositoryId'>,
): Promise<void> {
  if ((await tagsNow(source, repositoryId)).size === 0) return;
  throw conflict(
    `${upstream.url}/v2/${upstream.name} has no tags at all any more, or none that leads to an image; mirroring that would remove everything here. Sync without mirror, or remove the content by hand if it is meant.`,
    'UPSTREAM_EMPTIED',
  );
}

async function knownSignatures(
  parts: SyncParts,
  finder: SignatureFinder,
  { carriers }: FoundCarriers,
): Promise<KnownSignature[]> {
  const carried = await signaturesIn(parts.source, [...carriers.keys()]);
  return [
    ...finder.loose.map(({ way, draft }) => ({ ...draft, way, subject: draft.manifestDigest })),
    ...carried.map((each) => ({ ...each, way: carriers.get(each.carrier)!.way })),
  ];
}

async function keepSigned(
  { signedOnly, trust, registry }: SyncPlan,
  shelf: ManifestShelf,
  images: ReadonlyMap<string, Descriptor>,
  { below }: FoundCarriers,
  known: readonly KnownSignature[],
): Promise<ReadonlyMap<string, Descriptor>> {
  if (!signedOnly) return images;
  const repository = `${new URL(registry.upstream.url).host}/${registry.upstream.name}`;
  return chooseSigned(images, below, known, { shelf, repository, ...(trust ? { rule: trust } : {}) });
}

/** Referrers without a tag of their own. When only what is signed is taken, those that sign nothing of it stay out. */
function untagged(
  { signedOnly }: SyncPlan,
  { carriers }: FoundCarriers,
  about: ReadonlySet<string>,
  known: readonly KnownSignature[],
): string[] {
  const useful = new Set(known.filter(({ subject }) => about.has(subject)).map(({ carrier }) => carrier));
  return [...carriers.values()]
    .filter(({ tag, descriptor }) => !tag && (!signedOnly || useful.has(descriptor.digest)))
    .map(({ descriptor }) => descriptor.digest);
}

/** Attachment tags of images that are not taken are not taken either, nor those of what such tags lead to. */
function dropOrphans(tags: Map<string, string>, about: ReadonlySet<string>): void {
  const bySubject = new Map<string, string[]>();
  for (const tag of tags.keys()) {
    // What companion tags begin with is the fallback tag of their subject.
    const subject = tag.replace(/\.[a-z]+$/, '');
    bySubject.set(subject, [...(bySubject.get(subject) ?? []), tag]);
  }
  const kept = new Set<string>();
  const subjects = [...about];
  for (const subject of subjects)
    for (const tag of bySubject.get(fallbackTagOf(subject)) ?? []) {
      if (kept.has(tag)) continue;
      kept.add(tag);
      subjects.push(tags.get(tag)!);
    }
  for (const tag of tags.keys()) if (!kept.has(tag)) tags.delete(tag);
}

function countWays(known: readonly KnownSignature[], about: ReadonlySet<string>): Record<SignatureWay, number> {
  const ways = { extension: 0, lookaside: 0, companion_tags: 0, fallback_index: 0, referrers: 0 };
  for (const { way, subject } of known) if (about.has(subject)) ways[way] += 1;
  return ways;
}
