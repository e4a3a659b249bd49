import type { Descriptor } from '#oci/descriptor.js';
import type { ParsedManifest } from '#oci/manifest.js';
import { parseCompanionTag } from '#oci/reference.js';
import { inLanes } from '#platform/in-lanes.js';
import { GraphCopy } from '../copy-graph.js';
import { aboutTag } from './about-tag.js';
import { asUpstreamFault } from './blob-faults.js';
import type { FoundCarrier } from './find-signatures.js';
import { hasUnstored, manifestsNow, tagsNow } from './head-content.js';
import type { ManifestShelf } from './manifest-shelf.js';
import { RepositoryTarget } from './repository-target.js';
import type { SyncParts, SyncPlan } from './sync-plan.js';

/** Layers of attachments that are fetched at once whatever the policy. */
const SMALL_LAYER = 4 * 1024 * 1024;

/**
 * Manifests under way at once. More than the requests that are: what has come waits for its batch, and batches are better
 * the larger they are.
 */
const UNDER_WAY = 128;

/** Copies what a sync chose for a commit to take; what the newest version has is not looked at again. */
export class ContentCopy {
  readonly target: RepositoryTarget;
  private readonly copy: GraphCopy;
  private readonly immediate: boolean;

  constructor(
    private readonly parts: SyncParts,
    private readonly plan: SyncPlan,
    shelf: ManifestShelf,
    holderId: string,
  ) {
    const { remote, registry, signal } = plan;
    this.immediate = remote.policy === 'immediate';
    const deferred = { remoteId: remote.id, upstreamName: registry.upstream.name };
    this.target = new RepositoryTarget({
      ...parts,
      holderId,
      blobLimit: parts.config.blobLimit,
      ...(this.immediate ? {} : { deferred }),
    });
    const from = {
      manifest: (digest: string) => shelf.read(digest),
      blob: (node: Descriptor) => registry.openBlob(node),
    };
    this.copy = new GraphCopy(from, this.target, {
      width: registry.upstream.concurrency,
      signal,
      manifestLimit: parts.config.manifestLimit,
      wantsBlob: (blob, parent, node) => this.wantsBlob(blob, parent, node),
      transfer: (node, move) => this.transfer(node, move),
      onNode: (_node, copied) => copied && this.report('running'),
    });
  }

  /** Copies the images. Errors say which tag they are about. */
  async images(kept: ReadonlyMap<string, Descriptor>): Promise<void> {
    const nameOf = new Map([...kept].map(([name, { digest }]) => [digest, name]));
    const here = await this.here([...nameOf.keys()]);
    const { progress } = this.plan;
    const total = nameOf.size;
    let done = 0;
    const report = (state: 'running' | 'completed') =>
      progress({ message: 'Processing Manifests', code: 'sync.processing.manifest', state, done, total });
    await this.target.lookFor([...nameOf.keys()].filter((digest) => !here.has(digest)));
    await inLanes([...nameOf], UNDER_WAY, async ([digest, name]) => {
      if (!here.has(digest)) await aboutTag(name, () => this.copy.copyRoot(digest));
      done += 1;
      report('running');
    });
    report('completed');
    this.report('completed');
  }

  /** Copies what carries signatures, and whatever else is under attachment tags. Errors say what they are about. */
  async attachments(carriers: ReadonlyMap<string, FoundCarrier>, tags: ReadonlyMap<string, string>): Promise<void> {
    const digests = [...new Set([...carriers.keys(), ...tags.values()])];
    const here = await this.here(digests);
    const now = await tagsNow(this.parts.source, this.plan.repositoryId);
    for (const [tag, digest] of tags) {
      if (now.get(tag) !== digest) here.delete(digest);
      if (parseCompanionTag(tag) && !here.has(digest))
        this.target.companionTags.set(digest, [...(this.target.companionTags.get(digest) ?? []), tag]);
    }
    const nameOf = new Map([...tags].map(([tag, digest]) => [digest, tag]));
    await inLanes(
      digests.filter((digest) => !here.has(digest)),
      UNDER_WAY,
      (digest) => aboutTag(nameOf.get(digest) ?? digest, () => this.copy.copyRoot(digest)),
    );
  }

  /** Works on every item, as many at once as the remote allows. */
  lanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    return inLanes(items, this.plan.registry.upstream.concurrency, async (item) => {
      this.plan.signal.throwIfAborted();
      await work(item);
    });
  }

  /** Manifests that are whole in the newest version. A version with layers upstream is not, when all are wanted here. */
  private async here(digests: readonly string[]): Promise<Set<string>> {
    const { source } = this.parts;
    const { repositoryId } = this.plan;
    if (this.immediate && (await hasUnstored(source, repositoryId))) return new Set();
    return manifestsNow(source, repositoryId, digests);
  }

  private wantsBlob(blob: Descriptor, parent: ParsedManifest, node: Descriptor): boolean {
    if (this.immediate || parent.config?.digest === blob.digest) return true;
    const attachment = parent.subjects.length > 0 || this.target.companionTags.has(node.digest);
    return attachment && blob.size <= SMALL_LAYER;
  }

  private transfer(node: Descriptor, move: () => Promise<void>): Promise<void> {
    const { registry, signal } = this.plan;
    const once = () =>
      move().catch((error: unknown) => Promise.reject(asUpstreamFault(error, registry.blobUrl(node.digest), node)));
    return registry.client.attempt(once, signal);
  }

  private report(state: 'running' | 'completed'): void {
    const { progress } = this.plan;
    const done = this.target.blobs;
    progress({ message: 'Downloading Artifacts', code: 'sync.downloading.artifacts', state, done, total: null });
  }
}
