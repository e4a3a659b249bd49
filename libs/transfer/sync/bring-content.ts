import type { Descriptor } from '#oci/descriptor.js';
import { isDigest } from '#oci/digest.js';
import { INDEX_TYPES, MANIFEST_TYPES } from '#oci/media-types.js';
import { isAttachmentTag, isFallbackTag, isTagName, parseCompanionTag } from '#oci/reference.js';
import { DomainError, invalid, isDomainError, messageOf } from '#platform/domain-error.js';
import { GraphCopy, inLanes } from '../copy-graph.js';
import { isGone } from '../remote-registry/upstream-error.js';
import { asUpstreamFault } from './blob-faults.js';
import { type FoundCarrier, SignatureFinder } from './find-signatures.js';
import { hasUnstored, manifestsNow, signaturesIn, tagsNow } from './head-content.js';
import { mergeCompanions } from './merge-companions.js';
import { ManifestShelf } from './manifest-shelf.js';
import { RepositoryTarget } from './repository-target.js';
import { resolveTags } from './resolve-tags.js';
import { type Selection, selectTags } from './select-tags.js';
import { chooseSigned, type KnownSignature } from './signed-only.js';
import type { Brought, SyncParts, SyncPlan } from './sync-plan.js';
import type { SignatureWay } from './sync.task.js';

/** Signatures of signatures are followed so far. */
const CARRIER_DEPTH = 3;
const MOST_SUBJECTS = 200_000;
const MAX_NESTING = 16;
/** Layers of attachments that are fetched at once whatever the policy. */
const SMALL_LAYER = 4 * 1024 * 1024;

/** The part of a sync that needs the network: everything arrives in the staging, no version changes. */
export class Bringing {
  private readonly shelf: ManifestShelf;
  private readonly target: RepositoryTarget;
  private readonly copy: GraphCopy;
  private readonly carriers = new Map<string, FoundCarrier>();
  private readonly carrierTags = new Map<string, string>();
  private fetchedNodes = 0;

  constructor(
    private readonly parts: SyncParts,
    private readonly plan: SyncPlan,
  ) {
    const { remote, registry, repositoryId } = plan;
    const deferred = { remoteId: remote.id, upstreamName: registry.upstream.name };
    this.shelf = new ManifestShelf(parts.source, registry);
    this.target = new RepositoryTarget({
      ...parts,
      repositoryId,
      blobLimit: parts.config.blobLimit,
      ...(this.immediate ? {} : { deferred }),
    });
    this.copy = new GraphCopy({ fetch: (node) => this.fetch(node) }, this.target, {
      width: registry.upstream.concurrency,
      signal: plan.signal,
      manifestLimit: parts.config.manifestLimit,
      wantsBlob: (blob, parent, node) =>
        this.immediate ||
        parent.config?.digest === blob.digest ||
        (blob.size <= SMALL_LAYER && (parent.subjects.length > 0 || this.target.companionTags.has(node.digest))),
      transfer: (node, move) =>
        registry.client.attempt(
          () =>
            move().catch((error: unknown) =>
              Promise.reject(asUpstreamFault(error, registry.blobUrl(node.digest), node)),
            ),
          plan.signal,
        ),
      onNode: (_node, copied) => copied && this.reportArtifacts('running'),
    });
  }

  async run(): Promise<Brought> {
    const { registry, references, progress } = this.plan;
    const { signatures: extension } = await registry.ping();
    const selection = await this.select();
    const wanted = [...selection.images, ...(selection.filtered ? [] : selection.attachments)];
    const resolved = await resolveTags(
      registry,
      this.shelf,
      [...wanted, ...selection.digests],
      this.plan.signal,
      progress,
    );
    const images = new Map([...resolved].filter(([name]) => !isAttachmentTag(name)));
    const attachments = new Map([...resolved].filter(([name]) => isAttachmentTag(name)));
    const finder = new SignatureFinder({
      registry,
      shelf: this.shelf,
      extension,
      attachmentTags: references ? undefined : new Set(selection.attachments),
      resolved,
    });
    const subjects = await this.findAll(finder, [...images.values()]);
    const tags = new Map(this.carrierTags);
    for (const [tag, node] of attachments) tags.set(tag, node.digest);
    await this.copyCarriers(tags, attachments);
    const known = await this.knownSignatures(finder);
    const kept = await this.keepSigned(images, subjects, known);
    if (this.plan.signedOnly) dropOrphans(tags, kept, subjects);
    await this.copyImages(kept);
    const merging = { ...this.parts, repositoryId: this.plan.repositoryId, shelf: this.shelf, target: this.target };
    for (const [tag, digest] of await mergeCompanions(merging, tags)) tags.set(tag, digest);
    return this.outcome(finder, { images, kept, tags, subjects, known });
  }

  private get immediate(): boolean {
    return this.plan.remote.policy === 'immediate';
  }

  private async select(): Promise<Selection> {
    const { references, registry, remote, progress, mirror, repositoryId } = this.plan;
    if (references)
      return { ...selectTags(references.filter(isTagName), null, null), digests: references.filter(isDigest) };
    const report = (state: 'running' | 'completed', done: number) =>
      progress({ message: 'Downloading tag list', code: 'sync.downloading.tag_list', state, done, total: 1 });
    report('running', 0);
    const tags = await registry.tags();
    report('completed', 1);
    if (mirror && tags.length === 0 && (await tagsNow(this.parts.source, repositoryId)).size > 0)
      throw new DomainError(
        'conflict',
        'UPSTREAM_EMPTIED',
        `${registry.upstream.url}/v2/${registry.upstream.name} has no tags at all any more; mirroring that would remove everything here. Sync without mirror, or remove the content by hand if it is meant.`,
      );
    return selectTags(tags, remote.includes, remote.excludes);
  }

  /** The manifests below each root; signatures are looked for on all of them and on what carries signatures. */
  private async findAll(finder: SignatureFinder, roots: readonly Descriptor[]): Promise<Map<string, string[]>> {
    const below = new Map<string, string[]>();
    const subjects = new Map<string, Descriptor>();
    await this.inLanes(roots, async (root) => {
      if (below.has(root.digest)) return;
      below.set(root.digest, []);
      below.set(root.digest, await this.nested(root, subjects));
    });
    let level = [...subjects.values()];
    for (let depth = 0; depth < CARRIER_DEPTH && level.length > 0; depth += 1) {
      const next: Descriptor[] = [];
      await this.inLanes(level, async (subject) => {
        for (const carrier of await finder.find(subject, depth > 0))
          if (this.addCarrier(carrier) && !subjects.has(carrier.descriptor.digest) && !carrier.tag)
            next.push(carrier.descriptor);
      });
      level = next;
    }
    return below;
  }

  private addCarrier(carrier: FoundCarrier): boolean {
    const { digest } = carrier.descriptor;
    if (carrier.tag) this.carrierTags.set(carrier.tag, digest);
    if (this.carriers.has(digest)) return false;
    this.carriers.set(digest, carrier);
    return true;
  }

  /** A root and all that it lists, at any depth. */
  private async nested(root: Descriptor, subjects: Map<string, Descriptor>): Promise<string[]> {
    const seen = new Map<string, Descriptor>([[root.digest, root]]);
    let level = [root];
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth > MAX_NESTING)
        throw invalid(`${root.digest} is nested more than ${MAX_NESTING} indexes deep.`, undefined, 'COPY_LIMIT');
      const next: Descriptor[] = [];
      for (const node of level) {
        if (!INDEX_TYPES.has(node.mediaType)) continue;
        for (const child of (await this.shelf.read(node.digest)).parsed.children) {
          if (!MANIFEST_TYPES.has(child.mediaType) || seen.has(child.digest)) continue;
          seen.set(child.digest, child);
          next.push(child);
        }
      }
      level = next;
    }
    for (const [digest, node] of seen) subjects.set(digest, node);
    if (subjects.size > MOST_SUBJECTS)
      throw invalid(`There are more than ${MOST_SUBJECTS} manifests.`, undefined, 'COPY_LIMIT');
    return [...seen.keys()];
  }

  private async copyCarriers(
    tags: ReadonlyMap<string, string>,
    resolved: ReadonlyMap<string, Descriptor>,
  ): Promise<void> {
    const all = new Map([...this.carriers].map(([digest, { descriptor }]) => [digest, descriptor]));
    for (const node of resolved.values()) if (!all.has(node.digest)) all.set(node.digest, node);
    const here =
      this.immediate && (await hasUnstored(this.parts.source, this.plan.repositoryId))
        ? new Set<string>()
        : await this.here(tags, all);
    for (const [tag, digest] of tags)
      if (parseCompanionTag(tag) && !here.has(digest))
        this.target.companionTags.set(digest, [...(this.target.companionTags.get(digest) ?? []), tag]);
    const missing = [...all.keys()].filter((digest) => !here.has(digest));
    await this.inLanes(missing, async (digest) => this.copy.copy(await this.shelf.describe(digest)));
  }

  /** What is in the newest version already, under the same attachment tags when it has any. */
  private async here(tags: ReadonlyMap<string, string>, all: ReadonlyMap<string, unknown>): Promise<Set<string>> {
    const here = await manifestsNow(this.parts.source, this.plan.repositoryId, [...all.keys()]);
    const now = await tagsNow(this.parts.source, this.plan.repositoryId);
    for (const [tag, digest] of tags) if (now.get(tag) !== digest) here.delete(digest);
    return here;
  }

  private async knownSignatures(finder: SignatureFinder): Promise<KnownSignature[]> {
    const carried = await signaturesIn(this.parts.source, [...this.carriers.keys()]);
    return [
      ...finder.loose.map(({ way, draft }) => ({ ...draft, way, subject: draft.manifestDigest })),
      ...carried.map((each) => ({ ...each, way: this.carriers.get(each.carrier)!.way })),
    ];
  }

  private async keepSigned(
    images: ReadonlyMap<string, Descriptor>,
    subjects: ReadonlyMap<string, string[]>,
    known: readonly KnownSignature[],
  ): Promise<Map<string, Descriptor>> {
    if (!this.plan.signedOnly && !this.plan.trust) return new Map(images);
    return chooseSigned(images, subjects, known, {
      shelf: this.shelf,
      repository: `${new URL(this.plan.registry.upstream.url).host}/${this.plan.registry.upstream.name}`,
      ...(this.plan.trust ? { rule: this.plan.trust } : {}),
    });
  }

  private async copyImages(kept: ReadonlyMap<string, Descriptor>): Promise<void> {
    const { source } = this.parts;
    const { repositoryId, progress } = this.plan;
    const digests = [...new Set([...kept.values()].map(({ digest }) => digest))];
    const all = this.immediate && (await hasUnstored(source, repositoryId));
    const here = all ? new Set<string>() : await manifestsNow(source, repositoryId, digests);
    const nameOf = new Map([...kept].map(([name, { digest }]) => [digest, name]));
    let done = 0;
    const report = (state: 'running' | 'completed') =>
      progress({
        message: 'Processing Manifests',
        code: 'sync.processing.manifest',
        state,
        done,
        total: digests.length,
      });
    report('running');
    await this.inLanes(digests, async (digest) => {
      try {
        if (!here.has(digest)) await this.copy.copy(await this.shelf.describe(digest));
      } catch (error) {
        throw about(nameOf.get(digest)!, error);
      }
      done += 1;
      report('running');
    });
    report('completed');
    this.reportArtifacts('completed');
  }

  private async fetch(node: Descriptor) {
    const { registry } = this.plan;
    if (!MANIFEST_TYPES.has(node.mediaType)) return registry.openBlob(node.digest);
    const { Readable } = await import('node:stream');
    return Readable.from([(await this.shelf.read(node.digest)).bytes], { objectMode: false });
  }

  private reportArtifacts(state: 'running' | 'completed'): void {
    this.fetchedNodes = this.target.blobs;
    this.plan.progress({
      message: 'Downloading Artifacts',
      code: 'sync.downloading.artifacts',
      state,
      done: this.fetchedNodes,
      total: null,
    });
  }

  private inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    return inLanes(items, this.plan.registry.upstream.concurrency, async (item) => {
      this.plan.signal.throwIfAborted();
      await work(item);
    });
  }

  private outcome(
    finder: SignatureFinder,
    found: {
      images: ReadonlyMap<string, Descriptor>;
      kept: ReadonlyMap<string, Descriptor>;
      tags: Map<string, string>;
      subjects: ReadonlyMap<string, string[]>;
      known: readonly KnownSignature[];
    },
  ): Brought {
    const { images, kept, tags, subjects, known } = found;
    const digests = new Set<string>();
    for (const [name, { digest }] of kept)
      if (name.includes(':')) digests.add(digest);
      else tags.set(name, digest);
    const about = new Set([...kept.values()].flatMap(({ digest }) => subjects.get(digest) ?? [digest]));
    const taken = this.plan.signedOnly ? takenCarriers(this.carriers, about, known) : this.carriers.keys();
    for (const digest of taken) if (!this.carriers.get(digest)!.tag) digests.add(digest);
    return {
      tags,
      digests,
      loose: finder.loose.map(({ draft }) => draft).filter((draft) => about.has(draft.manifestDigest)),
      skipped: [...images.keys()].filter((name) => !kept.has(name)).sort(),
      refused: finder.refused,
      ways: countWays(known, about),
      fetched: { manifests: this.shelf.fetched, blobs: this.target.blobs, bytes: this.target.bytes },
    };
  }
}

/** Carriers of signatures of images that are taken; those of unknown content stay out. */
function takenCarriers(
  carriers: ReadonlyMap<string, FoundCarrier>,
  about: ReadonlySet<string>,
  known: readonly KnownSignature[],
): string[] {
  const useful = new Set(known.filter(({ subject }) => about.has(subject)).map(({ carrier }) => carrier));
  return [...carriers.keys()].filter((digest) => useful.has(digest));
}

function countWays(known: readonly KnownSignature[], about: ReadonlySet<string>): Record<SignatureWay, number> {
  const ways = { extension: 0, lookaside: 0, companion_tags: 0, fallback_index: 0, referrers: 0 };
  for (const { way, subject } of known) if (about.has(subject)) ways[way] += 1;
  return ways;
}

/** Attachment tags of images that are not taken are not taken either. */
function dropOrphans(
  tags: Map<string, string>,
  kept: ReadonlyMap<string, Descriptor>,
  subjects: ReadonlyMap<string, string[]>,
): void {
  const about = new Set([...kept.values()].flatMap(({ digest }) => subjects.get(digest) ?? [digest]));
  for (const tag of tags.keys()) {
    const subject = parseCompanionTag(tag)?.subject ?? (isFallbackTag(tag) ? tag.replace('-', ':') : undefined);
    if (subject !== undefined && !about.has(subject)) tags.delete(tag);
  }
}

/** The same error, saying which tag it is about. */
function about(name: string, error: unknown): unknown {
  if (!isDomainError(error) || isGone(error)) return error;
  return new DomainError(error.kind, error.code, `${name}: ${messageOf(error)}`, { ...error.options, cause: error });
}
