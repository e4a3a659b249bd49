import { MAX_INDEX_DEPTH } from '#content/push/index-depth.js';
import type { Descriptor } from '#oci/descriptor.js';
import { blobsOf, ManifestError, type ParsedManifest, parseManifest } from '#oci/manifest.js';
import { fallbackTagOf, isFallbackTag } from '#oci/reference.js';
import { CosignKind } from '../layout-names.js';
import { refused } from '../tar/refusal.js';
import { companionTagsOf } from './cosign-kinds.js';
import type { LayoutFiles } from './layout-files.js';
import type { LayoutEntry } from './read-index.js';
import type { SurveyedFile } from './survey-archive.js';

/** A manifest of the layout that is taken. */
export interface TakenManifest {
  readonly digest: string;
  readonly bytes: Buffer;
  readonly parsed: ParsedManifest;
}

/** Everything of a layout that is taken, whole and checked. */
export interface ResolvedLayout {
  /** By digest, what a manifest lists before itself. */
  readonly manifests: ReadonlyMap<string, TakenManifest>;
  /** Tags with their digests. */
  readonly tags: ReadonlyMap<string, string>;
  /** Configs and layers by digest. */
  readonly blobs: ReadonlyMap<string, SurveyedFile>;
  /** Images that no tag leads to and nothing lists. */
  readonly untagged: readonly string[];
}

/**
 * Follows the index of a layout to everything that it names, and takes in what refers to that, listed or not. Throws when
 * something is missing, has another size than announced, or is no manifest.
 */
export async function resolveLayout(
  files: LayoutFiles,
  entries: readonly LayoutEntry[],
  limits: { readonly manifest: number },
): Promise<ResolvedLayout> {
  const graph = new Graph(files, limits.manifest);
  for (const { descriptor } of entries) await graph.add(descriptor, 'index.json');
  const fallbacks = referrerIndexes(entries, graph.manifests);
  for (const digest of fallbacks) graph.manifests.delete(digest);
  await graph.addReferrers();
  graph.requireWhole();
  const tags = new Map<string, string>();
  for (const { tag, descriptor } of entries)
    if (tag !== undefined && !fallbacks.has(descriptor.digest)) tags.set(tag, descriptor.digest);
  const images = entries.filter((entry) => entry.kind === CosignKind.image || entry.kind === CosignKind.index);
  for (const entry of entries)
    for (const [tag, digest] of await companionTagsOf(entry, images, graph.manifests, files)) tags.set(tag, digest);
  return { manifests: graph.manifests, tags, blobs: graph.blobs, untagged: loose(entries, graph.manifests, tags) };
}

class Graph {
  readonly manifests = new Map<string, TakenManifest>();
  readonly blobs = new Map<string, SurveyedFile>();
  readonly #missing = new Set<string>();

  constructor(
    private readonly files: LayoutFiles,
    private readonly largest: number,
  ) {}

  async add(descriptor: Pick<Descriptor, 'digest' | 'size' | 'mediaType'>, from: string, depth = 0): Promise<void> {
    const { digest } = descriptor;
    if (this.manifests.has(digest)) return;
    if (depth > MAX_INDEX_DEPTH)
      throw refused(`Indexes in the layout are nested deeper than ${MAX_INDEX_DEPTH} levels.`);
    const file = this.#require(descriptor, from);
    if (!file) return;
    const bytes = await this.files.read(file, this.largest);
    const parsed = parse(bytes, digest, descriptor.mediaType);
    const named = parsed.shape === 'prototype' ? parsed.subjects : parsed.children;
    for (const child of named) await this.add(child, digest, depth + 1);
    for (const blob of blobsOf(parsed)) {
      const found = this.#require(blob, digest);
      if (found) this.blobs.set(blob.digest, found);
    }
    this.manifests.set(digest, { digest, bytes, parsed });
  }

  /** Takes manifests whose subject is taken, until there are no more: `cosign save` leaves them out of the index. */
  async addReferrers(): Promise<void> {
    const waiting = new Map(this.files.referrers().map(({ digest, subjects }) => [digest, subjects]));
    for (let found = true; found;) {
      found = false;
      for (const [digest, subjects] of waiting) {
        if (!this.manifests.has(digest) && !subjects.some((subject) => this.manifests.has(subject))) continue;
        waiting.delete(digest);
        if (this.manifests.has(digest)) continue;
        await this.add({ digest, size: this.files.blob(digest)!.size, mediaType: '' }, 'the layout');
        found = true;
      }
    }
  }

  requireWhole(): void {
    if (this.#missing.size === 0) return;
    const digests = [...this.#missing];
    throw refused(
      `The layout lacks ${digests.length} of the files that it names; copy it whole and send it again: ${digests.slice(0, 20).join(', ')}`,
      { missing: digests.slice(0, 100) },
    );
  }

  #require({ digest, size }: Pick<Descriptor, 'digest' | 'size'>, from: string): SurveyedFile | undefined {
    const file = this.files.blob(digest);
    if (!file) this.#missing.add(digest);
    else if (file.size !== size)
      throw refused(`${from} gives ${size} bytes for ${digest}, which has ${file.size}.`, { digest, size: file.size });
    return file;
  }
}

function parse(bytes: Buffer, digest: string, mediaType: string): ParsedManifest {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof ManifestError)
      throw refused(`The manifest ${digest} is not usable: ${error.message}.`, { digest });
    throw error;
  }
}

/** Indexes of the referrers tag schema: they list what refers to a subject, and only under the subject's tag. */
function referrerIndexes(
  entries: readonly LayoutEntry[],
  manifests: ReadonlyMap<string, TakenManifest>,
): ReadonlySet<string> {
  const listed = new Set([...manifests.values()].flatMap(({ parsed }) => parsed.children.map(({ digest }) => digest)));
  const found = new Set<string>();
  const named = new Set<string>();
  for (const { tag, descriptor } of entries) {
    const index = manifests.get(descriptor.digest)?.parsed;
    if (index?.shape !== 'index' || listed.has(descriptor.digest)) continue;
    if (tag !== undefined && isIndexOfReferrers(tag, index, manifests)) found.add(descriptor.digest);
    else named.add(descriptor.digest);
  }
  return new Set([...found].filter((digest) => !named.has(digest)));
}

function isIndexOfReferrers(
  tag: string,
  index: ParsedManifest,
  manifests: ReadonlyMap<string, TakenManifest>,
): boolean {
  const refers = (digest: string) =>
    manifests.get(digest)?.parsed.subjects.some((subject) => fallbackTagOf(subject.digest) === tag) === true;
  return isFallbackTag(tag) && index.layers.length === 0 && index.children.every(({ digest }) => refers(digest));
}

function loose(
  entries: readonly LayoutEntry[],
  manifests: ReadonlyMap<string, TakenManifest>,
  tags: ReadonlyMap<string, string>,
): string[] {
  const tagged = new Set(tags.values());
  const listed = new Set([...manifests.values()].flatMap(({ parsed }) => parsed.children.map(({ digest }) => digest)));
  const attached = (digest: string) =>
    manifests.get(digest)!.parsed.subjects.some((subject) => manifests.has(subject.digest));
  const roots = new Set(entries.map((entry) => entry.descriptor.digest).filter((digest) => manifests.has(digest)));
  return [...roots].filter((digest) => !tagged.has(digest) && !listed.has(digest) && !attached(digest));
}
