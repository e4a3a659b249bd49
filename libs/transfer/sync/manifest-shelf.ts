import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import type { Descriptor } from '#oci/descriptor.js';
import { ManifestError, type ParsedManifest, parseManifest } from '#oci/manifest.js';
import { Batches } from '#platform/batches.js';
import { rowsOf } from '#platform/database.js';
import { invalid } from '#platform/domain-error.js';
import type { CheckedManifest } from '../copy-graph.js';
import type { FetchedManifest, RemoteRegistry } from '../remote-registry/remote-registry.js';
import { BATCH_EVERY_MS } from './small-blobs.js';

type FoundManifest = Omit<CheckedManifest, 'parsed'>;

const SHELF_BYTES = 64 * 1024 * 1024;

/** Manifests by digest: from memory, from the database whoever brought them there, else from the upstream. */
export class ManifestShelf {
  /** How many came from the upstream. */
  fetched = 0;
  private readonly shelf = new LRUCache<string, CheckedManifest>({
    maxSize: SHELF_BYTES,
    // What is parsed takes a few times the room of the text.
    sizeCalculation: ({ bytes }) => 4 * bytes.length + 1024,
  });
  private readonly stored: Batches<string, FoundManifest | undefined>;

  constructor(
    source: DataSource,
    private readonly registry: RemoteRegistry,
  ) {
    this.stored = new Batches(
      async (digests) => {
        const found = await loadManifests(source, digests);
        return digests.map((digest) => found.get(digest));
      },
      { most: 500, everyMs: BATCH_EVERY_MS },
    );
  }

  /** A manifest by its digest. Throws when it is none that can be taken. */
  async read(digest: string): Promise<CheckedManifest> {
    const known = this.shelf.get(digest);
    if (known) return known;
    return this.keep((await this.stored.do(digest)) ?? (await this.fetch(digest)));
  }

  /** Takes a manifest that came from the upstream; false when it is here already. Throws when it is none that can be taken. */
  put({ descriptor, bytes }: FetchedManifest): boolean {
    if (this.shelf.has(descriptor.digest)) return false;
    this.keep({ ...descriptor, bytes });
    this.fetched += 1;
    return true;
  }

  /** True when what is put here will soon push something else out. */
  get isFull(): boolean {
    return this.shelf.calculatedSize > SHELF_BYTES / 2;
  }

  /** True when none of these is in the database. */
  async hasNone(digests: readonly string[]): Promise<boolean> {
    return (await Promise.all(digests.map((digest) => this.stored.do(digest)))).every((found) => found === undefined);
  }

  /** The descriptor of a manifest. */
  async describe(digest: string): Promise<Descriptor> {
    const { mediaType, size } = await this.read(digest);
    return { mediaType, digest, size };
  }

  private keep(found: FoundManifest): CheckedManifest {
    const parsed = parseUpstream(found);
    const shelved = { ...found, mediaType: parsed.mediaType, parsed };
    this.shelf.set(found.digest, shelved);
    return shelved;
  }

  private async fetch(digest: string): Promise<FoundManifest> {
    const { descriptor, bytes } = await this.registry.manifest(digest);
    this.fetched += 1;
    return { ...descriptor, bytes };
  }
}

function parseUpstream({ bytes, mediaType, digest }: FoundManifest): ParsedManifest {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw invalid(
      `The manifest ${digest} of the upstream is not usable: ${error.message}`,
      undefined,
      'MANIFEST_INVALID',
    );
  }
}

async function loadManifests(source: DataSource, digests: readonly string[]) {
  const rows = await rowsOf<FoundManifest>(
    source,
    'select digest, media_type as "mediaType", size, bytes from manifest where digest = any($1::text[])',
    [digests],
  );
  return new Map(rows.map((row) => [row.digest, row]));
}
