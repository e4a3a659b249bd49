import type { Descriptor } from '#oci/descriptor.js';
import { ManifestError, parseManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-types.js';
import { isTagName } from '#oci/reference.js';
import { COSIGN_KIND, IMAGE_NAME, REF_NAME } from '../layout-names.js';
import { refused } from '../tar/refusal.js';
import type { LayoutFiles } from './layout-files.js';

/** A manifest that a layout's index names. */
export interface LayoutEntry {
  readonly descriptor: Descriptor;
  /** The tag, when it has one. */
  readonly tag?: string;
  /** What `cosign save` says that it is. */
  readonly kind?: string;
}

const LARGEST_INDEX = 64 * 1024 * 1024;
const MOST_VALUES = 8_000_000;
const PAGE = 10_000;

/** Reads `oci-layout` and `index.json`; entries that are no manifests are left out, images of schema 1 refused. */
export async function readLayoutIndex(files: LayoutFiles): Promise<LayoutEntry[]> {
  const marker = await files.readJson('oci-layout', 4096, 100);
  const version = (marker as { imageLayoutVersion?: unknown } | null)?.imageLayoutVersion;
  if (version !== '1.0.0') throw refused('The file oci-layout does not say "imageLayoutVersion": "1.0.0".');
  const index = (await files.readJson('index.json', LARGEST_INDEX, MOST_VALUES)) as Record<string, unknown> | null;
  const manifests = index?.['manifests'];
  if (!Array.isArray(manifests)) throw refused('index.json has no list of manifests.');
  const entries: LayoutEntry[] = [];
  for (let at = 0; at < manifests.length; at += PAGE)
    entries.push(...listedIn(manifests.slice(at, at + PAGE)).map(entryOf));
  refuseAmbiguous(entries);
  return entries;
}

/** Large indexes are checked in pages of the size that a manifest may have. */
function listedIn(page: readonly unknown[]): readonly Descriptor[] {
  try {
    return parseManifest(
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: page })),
    ).children;
  } catch (error) {
    if (error instanceof ManifestError) throw refused(`index.json: ${error.message}.`);
    throw error;
  }
}

function entryOf(descriptor: Descriptor): LayoutEntry {
  const { [REF_NAME]: name, [IMAGE_NAME]: image, [COSIGN_KIND]: kind } = descriptor.annotations ?? {};
  const tag = tagOf(name) ?? (name === undefined ? tagOf(image) : undefined);
  return { descriptor, ...(tag === undefined ? {} : { tag }), ...(kind === undefined ? {} : { kind }) };
}

/** A bare tag, or the last `:tag` of a full reference. */
function tagOf(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (isTagName(name)) return name;
  const [beforeDigest = ''] = name.split('@', 1);
  const colon = beforeDigest.lastIndexOf(':');
  const tag = beforeDigest.slice(colon + 1);
  return colon > 0 && isTagName(tag) ? tag : undefined;
}

function refuseAmbiguous(entries: readonly LayoutEntry[]): void {
  const seen = new Map<string, string>();
  for (const { tag, descriptor } of entries) {
    if (tag === undefined) continue;
    const other = seen.get(tag) ?? descriptor.digest;
    if (other !== descriptor.digest)
      throw refused(
        `index.json gives the tag ${tag} to ${other} and to ${descriptor.digest}; send one repository at a time.`,
      );
    seen.set(tag, descriptor.digest);
  }
}
