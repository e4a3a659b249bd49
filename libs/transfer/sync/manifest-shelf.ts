import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import type { StoredManifest } from '#signing/formats/signature-format.js';
import type { Descriptor } from '#oci/descriptor.js';
import { ManifestError, type ParsedManifest, parseManifest } from '#oci/manifest.js';
import { rowsOf } from '#platform/database.js';
import { invalid } from '#platform/domain-error.js';
import type { RemoteRegistry } from '../remote-registry/remote-registry.js';
import { Batch } from './batch.js';

/** A manifest with what it says. */
export interface ShelvedManifest extends StoredManifest {
  readonly bytes: Buffer;
  readonly parsed: ParsedManifest;
}

const SHELF_BYTES = 64 * 1024 * 1024;

/** Manifests by digest: from memory, from the database whoever brought them there, else from the upstream. */
export class ManifestShelf {
  /** How many came from the upstream. */
  fetched = 0;
  private readonly shelf = new LRUCache<string, StoredManifest & { bytes: Buffer }>({
    maxSize: SHELF_BYTES,
    sizeCalculation: ({ bytes }) => bytes.length + 512,
  });
  private readonly stored: Batch<string, StoredManifest & { bytes: Buffer }>;

  constructor(
    source: DataSource,
    private readonly registry: RemoteRegistry,
  ) {
    this.stored = new Batch((digests) => loadManifests(source, digests));
  }

  /** A manifest by its digest. Throws when it is none that can be taken. */
  async read(digest: string): Promise<ShelvedManifest> {
    let found = this.shelf.get(digest) ?? (await this.stored.get(digest));
    if (!found) {
      const { descriptor, bytes } = await this.registry.manifest(digest);
      found = { ...descriptor, bytes };
      this.fetched += 1;
    }
    const parsed = parseUpstream(found);
    this.shelf.set(digest, found);
    return { ...found, mediaType: parsed.mediaType, parsed };
  }

  /** Takes a manifest in that came by another way. */
  put(manifest: StoredManifest & { bytes: Buffer }): void {
    this.fetched += 1;
    this.shelf.set(manifest.digest, manifest);
  }

  /** The descriptor of a manifest. */
  async describe(digest: string): Promise<Descriptor> {
    const { mediaType, size } = await this.read(digest);
    return { mediaType, digest, size };
  }
}

function parseUpstream({ bytes, mediaType, digest }: StoredManifest): ParsedManifest {
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

async function loadManifests(source: DataSource, digests: string[]) {
  const rows = await rowsOf<StoredManifest & { bytes: Buffer }>(
    source,
    'select digest, media_type as "mediaType", size, bytes from manifest where digest = any($1::text[])',
    [digests],
  );
  return new Map(rows.map((row) => [row.digest, row]));
}
