import type { Descriptor } from '#oci/descriptor.js';
import { algorithmOf, digestOf } from '#oci/digest.js';
import { blobsOf, ManifestError, type ParsedManifest, parseManifest } from '#oci/manifest.js';
import { MANIFEST_TYPES } from '#oci/media-types.js';
import type { Source, Target } from '#oci/target.js';
import { DomainError, invalid } from '#platform/domain-error.js';
import { settled } from '#platform/settled.js';
import { Readable } from 'node:stream';

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

const DEFAULTS = { maxDepth: 16, maxNodes: 500_000, manifestLimit: 4 * 1024 * 1024 };

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
    private readonly source: Pick<Source, 'fetch'>,
    private readonly target: Pick<Target, 'exists' | 'push'>,
    options: CopyOptions,
  ) {
    this.options = { ...DEFAULTS, ...options };
    this.lanes = new Lanes(Math.max(1, options.width));
  }

  /** Copies the graph below a node; nodes that another call of this object copies are waited for. */
  copy(node: Descriptor, depth = 0): Promise<void> {
    const known = this.places.get(node.digest);
    if (known) return known;
    if (this.places.size >= this.options.maxNodes)
      return Promise.reject(limit(`The copy has more than ${this.options.maxNodes} manifests and blobs.`));
    if (depth > this.options.maxDepth)
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
    const bytes = await this.lanes.run(() =>
      this.step(async () => readChecked(await this.source.fetch(node), node, this.options.manifestLimit)),
    );
    const parsed = parse(bytes, node);
    const wants = this.options.wantsBlob ?? (() => true);
    const below = [...parsed.children, ...blobsOf(parsed).filter((blob) => wants(blob, parsed, node))];
    await settled(below.map((child) => this.copy(child, depth + 1)));
    await this.step(() => this.target.push(node, Readable.from([bytes], { objectMode: false })));
  }

  private transfer(node: Descriptor): Promise<void> {
    const move = async () => this.target.push(node, await this.source.fetch(node));
    return this.options.transfer ? this.options.transfer(node, move) : move();
  }

  private async step<T>(work: () => Promise<T>): Promise<T> {
    this.options.signal?.throwIfAborted();
    if (this.failed) throw this.failed.error;
    return work();
  }
}

/** Works on every item, at most `width` at once; after a failure no further item is begun, and the first one is thrown. */
export async function inLanes<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  let failed = false;
  const lane = async () => {
    for (let next = left.next(); !next.done && !failed; next = left.next())
      await work(next.value).catch((error: unknown) => {
        failed = true;
        throw error;
      });
  };
  await settled(Array.from({ length: Math.min(width, items.length) }, lane));
}

async function readChecked(stream: Readable, node: Descriptor, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) throw limit(`The manifest ${node.digest} has more than ${most} bytes.`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const actual = digestOf(bytes, algorithmOf(node.digest));
  if (actual !== node.digest || bytes.length !== node.size)
    throw invalid(
      `The manifest ${node.digest} with ${node.size} bytes was expected; what came is ${actual} with ${bytes.length} bytes.`,
      undefined,
      'DIGEST_INVALID',
    );
  return bytes;
}

function parse(bytes: Buffer, node: Descriptor): ParsedManifest {
  try {
    return parseManifest(bytes, node.mediaType);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw invalid(`The manifest ${node.digest} is not usable: ${error.message}`, undefined, 'MANIFEST_INVALID');
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
