import type { SignatureDraft } from '#content/push/drafts.js';
import type { Descriptor } from '#oci/descriptor.js';
import type { ParsedManifest } from '#oci/manifest.js';
import { INDEX_TYPES } from '#oci/media-types.js';
import { companionTagOf, fallbackTagOf, isFallbackTag } from '#oci/reference.js';
import { isDomainError, messageOf } from '#platform/domain-error.js';
import { inLanes } from '#platform/in-lanes.js';
import { simpleFormat } from '#signing/formats/simple/simple-format.js';
import { toSignatureDraft } from '#signing/store/signature-draft.js';
import type { CheckedManifest } from '../copy-graph.js';
import { fromApi } from '../remote-registry/list-referrers.js';
import { fromExtension, fromLookaside } from '../remote-registry/simple-signatures.js';
import { isGone } from '../remote-registry/upstream-error.js';
import type { RemoteRegistry } from '../remote-registry/remote-registry.js';
import type { ManifestShelf } from './manifest-shelf.js';
import type { SignatureWay } from './sync.task.js';

/** A manifest that refers to a subject, and how it was found. */
export interface FoundCarrier {
  readonly descriptor: Descriptor;
  readonly way: SignatureWay;
  /** The attachment tag that leads to it. */
  readonly tag?: string;
}

/** Where signatures are looked for. */
export interface FinderOptions {
  readonly registry: RemoteRegistry;
  readonly shelf: ManifestShelf;
  /** The upstream serves signatures by the extension API. */
  readonly extension: boolean;
  /** Attachment tags that may be taken; undefined when the list of tags is not known. */
  readonly attachmentTags: ReadonlySet<string> | undefined;
  /** Digests whose attachment tags are asked for when the list is not known; what an index lists is left to later pulls. */
  readonly roots: ReadonlySet<string>;
  /** What attachment tags lead to, as far as it is known. */
  readonly resolved: Map<string, Descriptor>;
}

const KINDS = ['sig', 'att', 'sbom'] as const;
const MOST_REFUSALS = 20;

/** Looks for the signatures of manifests in every way that the upstream has. */
export class SignatureFinder {
  readonly loose: { way: SignatureWay; draft: SignatureDraft }[] = [];
  readonly refused: string[] = [];
  /** Fallback tags whose index lists what the upstream does not have, so that it cannot be taken as it is. */
  readonly stale = new Set<string>();
  private readonly checked = new Set<string>();
  private probe: Promise<unknown> | undefined;

  constructor(private readonly options: FinderOptions) {}

  /** Collects the loose signatures of a manifest and gives the manifests that refer to it. */
  async find(subject: Descriptor, attachment: boolean): Promise<FoundCarrier[]> {
    const { registry, extension } = this.options;
    const { lookaside } = registry.upstream;
    const { digest } = subject;
    if (!attachment && extension) await this.takeLoose('extension', digest, await fromExtension(registry, digest));
    if (!attachment && lookaside)
      await this.takeLoose('lookaside', digest, await fromLookaside(registry, lookaside, digest));
    return [...(await this.referrers(digest)), ...(await this.tagged(digest))];
  }

  private async takeLoose(way: SignatureWay, manifestDigest: string, signatures: readonly Buffer[]): Promise<void> {
    for (const bytes of signatures) {
      try {
        const parsed = await simpleFormat.parse(bytes);
        if (parsed.manifestDigest === manifestDigest)
          this.loose.push({ way, draft: toSignatureDraft('simple', manifestDigest, bytes, parsed) });
        else this.refuse(`${manifestDigest} (${way}): the signature is about ${parsed.manifestDigest ?? 'nothing'}`);
      } catch (error) {
        if (!isDomainError(error)) throw error;
        this.refuse(`${manifestDigest} (${way}): ${messageOf(error)}`);
      }
    }
  }

  private refuse(reason: string): void {
    if (this.refused.length < MOST_REFUSALS) this.refused.push(reason);
  }

  /** The first question tells whether the upstream has the API; the others wait for its answer. */
  private async referrers(subject: string): Promise<FoundCarrier[]> {
    const { registry } = this.options;
    const ask = async () => {
      if (registry.hasReferrersApi === false) return [];
      const found = await fromApi(registry, subject);
      // A refusal of one digest tells nothing of an upstream that answered before, nor one of an algorithm that few know.
      if (found) registry.hasReferrersApi = true;
      else if (subject.startsWith('sha256:')) registry.hasReferrersApi ??= false;
      return found ?? [];
    };
    const first = this.probe === undefined;
    const asked = first ? ask() : this.probe!.then(ask, ask);
    if (first) this.probe = asked;
    const listed = await asked;
    const referrers = new Set<string>();
    await this.eachListed(listed, `${subject} (referrers)`, ({ digest, parsed }) => {
      if (refersTo(parsed, subject)) referrers.add(digest);
      else this.refuse(`${subject} (referrers): ${digest} does not refer to it`);
    });
    return listed
      .filter(({ digest }) => referrers.has(digest))
      .map((descriptor) => ({ descriptor, way: 'referrers' as const }));
  }

  /** Looks at the manifests that a list names; those that the upstream does not have are told. True when it has all. */
  private async eachListed(
    listed: readonly Descriptor[],
    list: string,
    look: (manifest: CheckedManifest) => void,
  ): Promise<boolean> {
    const { registry, shelf } = this.options;
    let whole = true;
    await inLanes(listed, registry.upstream.concurrency, async ({ digest }) => {
      try {
        look(await shelf.read(digest));
      } catch (error) {
        if (!isGone(error)) throw error;
        whole = false;
        this.refuse(`${list}: ${digest} is listed, and the upstream does not have it`);
      }
    });
    return whole;
  }

  private async tagged(subject: string): Promise<FoundCarrier[]> {
    if (!this.options.attachmentTags && !this.options.roots.has(subject)) return [];
    const companions = subject.startsWith('sha256:') ? KINDS.map((kind) => companionTagOf(subject, kind)) : [];
    const found: FoundCarrier[] = [];
    for (const tag of [...companions, fallbackTagOf(subject)]) {
      const descriptor = await this.resolveTag(tag);
      if (!descriptor) continue;
      if (!isFallbackTag(tag)) found.push({ descriptor, way: 'companion_tags', tag });
      else found.push(...(await this.fallback(descriptor, tag, subject)));
    }
    return found;
  }

  private async resolveTag(tag: string): Promise<Descriptor | undefined> {
    const { attachmentTags, registry, resolved } = this.options;
    if (attachmentTags && !attachmentTags.has(tag)) return undefined;
    if (!attachmentTags && isFallbackTag(tag) && registry.hasReferrersApi !== false) return undefined;
    const known = resolved.get(tag);
    if (known) return known;
    try {
      const descriptor = await registry.resolve(tag);
      resolved.set(tag, descriptor);
      return descriptor;
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /**
   * The index under a fallback tag counts when all that it lists and the upstream has refers to the subject; an image of
   * that name does not.
   */
  private async fallback({ digest, mediaType }: Descriptor, tag: string, subject: string): Promise<FoundCarrier[]> {
    if (!INDEX_TYPES.has(mediaType)) return [];
    const carriers: FoundCarrier[] = [];
    let others = 0;
    await this.lookUnder(tag, digest, ({ parsed, ...child }) => {
      const descriptor = { mediaType: child.mediaType, digest: child.digest, size: child.size };
      if (refersTo(parsed, subject)) carriers.push({ descriptor, way: 'fallback_index' });
      else others += 1;
    });
    if (others > 0 || carriers.length === 0) return [];
    if (this.stale.has(tag)) return carriers;
    return [{ descriptor: await this.options.shelf.describe(digest), way: 'fallback_index', tag }, ...carriers];
  }

  /** Looks whether an attachment tag is a fallback tag, of whatever subject, that is {@link stale}. */
  async checkFallback(tag: string, { digest, mediaType }: Descriptor): Promise<void> {
    if (isFallbackTag(tag) && !this.checked.has(tag) && INDEX_TYPES.has(mediaType))
      await this.lookUnder(tag, digest, () => undefined);
  }

  private async lookUnder(tag: string, digest: string, look: (manifest: CheckedManifest) => void): Promise<void> {
    this.checked.add(tag);
    const { children } = (await this.options.shelf.read(digest)).parsed;
    if (!(await this.eachListed(children, tag, look))) this.stale.add(tag);
  }
}

const refersTo = ({ subjects }: ParsedManifest, subject: string) => subjects.some(({ digest }) => digest === subject);
