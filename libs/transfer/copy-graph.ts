import type { Readable } from 'node:stream';
import { MAX_INDEX_DEPTH } from '#content/push/index-depth.js';
import type { Descriptor } from '#oci/descriptor.js';
import { blobsOf, type ParsedManifest } from '#oci/manifest.js';
import { MANIFEST_TYPES } from '#oci/media-types.js';
import { DomainError, invalid } from '#platform/domain-error.js';
import { settled } from '#platform/settled.js';

/** A manifest whose bytes have the digest that it goes by, with what it says. */
export interface CheckedManifest extends Descriptor {
  readonly bytes: Buffer;
  readonly parsed: ParsedManifest;
}

/** A place that content is copied from. */
export interface CopySource {
  /** A manifest by its digest; throws when the bytes have another one or are no manifest. */
  manifest(digest: string): Promise<CheckedManifest>;
  /** The bytes of a blob as they come, unchecked. */
  blob(node: Descriptor): Promise<Readable>;
}

/** A place that content is copied to; children arrive before parents. */
export interface CopyTarget {
  /** True for what is here with everything below it. */
  exists(node: Descriptor): Promise<boolean>;
  putManifest(manifest: CheckedManifest): Promise<void>;
  /** Stores bytes under the node's digest; throws when they do not have it or are not as many as it says. */
  putBlob(node: Descriptor, bytes: Readable): Promise<void>;
}

/** Bounds of a copy and what it is asked on the way. */
export interface CopyOptions {
  /** Manifests and blobs that come from the source at once. */
  readonly width: number;
  /** Deepest nesting of indexes. */
  readonly maxDepth?: number;
  /** Most manifests and blobs of one copy. */
  readonly maxNodes?: number;
  /** Largest manifest in bytes. */
  readonly manifestLimit?: number;
  readonly signal?: AbortSignal;
  /** Whether a blob of a manifest is copied too; by default every one is. */
  readonly wantsBlob?: (blob: Descriptor, parent: ParsedManifest, node: Descriptor) => boolean;
  /** Moves one blob, by default once; here failures are met with a second try. */
  readonly transfer?: (node: Descriptor, move: () => Promise<void>) => Promise<void>;
  /** Called after each node that is at its place, copied or there before. */
  readonly onNode?: (node: Descriptor, copied: boolean) => void;
}

const DEFAULTS = { maxDepth: MAX_INDEX_DEPTH, maxNodes: 500_000, manifestLimit: 4 * 1024 * 1024 };

/**
 * Copies manifests with everything that they name, children before parents, each node once. What the target has is taken
 * to be whole. Layers whose bytes live elsewhere are left out. The first failure ends the copy after what is under way.
 */
export class GraphCopy {
  private readonly places = new Map<string, Promise<void>>();
  private readonly lanes: Lanes;
  private failed: { readonly error: unknown } | undefined;
  private readonly options: CopyOptions & typeof DEFAULTS;

  constructor(
    private readonly source: CopySource,
    private readonly target: CopyTarget,
    options: CopyOptions,
  ) {
    this.options = { ...DEFAULTS, ...options };
    this.lanes = new Lanes(Math.max(1, options.width));
  }

  /** {@link copy} of a manifest that is known by its digest only. */
  async copyRoot(digest: string): Promise<void> {
    const { mediaType, size } = await this.lanes.run(() => this.step(() => this.source.manifest(digest)));
    await this.copy({ mediaType, digest, size });
  }

  /** Copies the graph below a node; nodes that another call of this object copies are waited for. */
  copy(node: Descriptor, depth = 0): Promise<void> {
    const known = this.places.get(node.digest);
    if (known) return known;
    if (this.places.size >= this.options.maxNodes)
      return Promise.reject(limit(`The copy has more than ${this.options.maxNodes} manifests and blobs.`));
    if (depth > this.options.maxDepth && MANIFEST_TYPES.has(node.mediaType))
      return Promise.reject(limit(`${node.digest} is nested more than ${this.options.maxDepth} indexes deep.`));
    const place = this.place(node, depth);
    this.places.set(node.digest, place);
    place.catch((error: unknown) => (this.failed ??= { error }));
    return place;
  }

  private async place(node: Descriptor, depth: number): Promise<void> {
    const isManifest = MANIFEST_TYPES.has(node.mediaType);
    const there = await this.step(() => this.target.exists(node));
    if (!there && isManifest) await this.placeManifest(node, depth);
    else if (!there) await this.lanes.run(() => this.step(() => this.transfer(node)));
    this.options.onNode?.(node, !there);
  }

  private async placeManifest(node: Descriptor, depth: number): Promise<void> {
    const manifest = await this.lanes.run(() => this.step(() => this.source.manifest(node.digest)));
    this.requireAsNamed(manifest, node);
    const { parsed } = manifest;
    const wants = this.options.wantsBlob ?? (() => true);
    const below = [...parsed.children, ...blobsOf(parsed).filter((blob) => wants(blob, parsed, node))];
    await settled(below.map((child) => this.copy(child, depth + 1)));
    await this.step(() => this.target.putManifest(manifest));
  }

  /** What lists a manifest must say of it what it is. */
  private requireAsNamed({ digest, size, mediaType }: CheckedManifest, node: Descriptor): void {
    if (size > this.options.manifestLimit)
      throw limit(`The manifest ${digest} has ${size} bytes, more than ${this.options.manifestLimit}.`);
    if (size === node.size && mediaType === node.mediaType) return;
    throw invalid(
      `The manifest ${digest} is named as ${node.mediaType} of ${node.size} bytes, and is ${mediaType} of ${size} bytes.`,
      undefined,
      'MANIFEST_INVALID',
    );
  }

  private transfer(node: Descriptor): Promise<void> {
    const move = async () => this.target.putBlob(node, await this.source.blob(node));
    return this.options.transfer ? this.options.transfer(node, move) : move();
  }

  private async step<T>(work: () => Promise<T>): Promise<T> {
    this.options.signal?.throwIfAborted();
    if (this.failed) throw this.failed.error;
    return work();
  }
}

const limit = (message: string) => new DomainError('too-large', 'COPY_LIMIT', message);

/** Lets at most so many pieces of work run; the others wait in order. */
class Lanes {
  private readonly waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((turn) => this.waiting.push(turn));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}
