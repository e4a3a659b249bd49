import { createHash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { MEMBER_AT, type ReadView } from '#content/read/find-manifest.js';
import { rowsOf } from '#platform/database.js';
import { conflict } from '#platform/domain-error.js';
import { blobPath, LOOKASIDE } from '../layout-names.js';
import { END_OF_ARCHIVE, tarHeader, tarPadding } from '../tar/tar-writer.js';
import { compareText, type LayoutProfile, renderLayoutIndex } from './layout-index.js';
import { type ExportedManifest, type ExportSelection, selectContent } from './select-content.js';

/** Where the bytes of an entry come from. */
export type EntryOrigin =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'manifest'; readonly id: string }
  | { readonly kind: 'blob'; readonly digest: string }
  | { readonly kind: 'signature'; readonly id: string };

/** A file of the archive; `offset` is where its header begins. */
export interface PlannedEntry {
  readonly path: string;
  readonly size: number;
  readonly offset: number;
  readonly origin: EntryOrigin;
}

/** An archive before it is written: every byte of it is decided. */
export interface LayoutPlan {
  readonly entries: readonly PlannedEntry[];
  /** Bytes of the whole archive. */
  readonly length: number;
  /** Strong entity tag with its quotes (RFC 9110). */
  readonly etag: string;
}

/** What to export, and the `host/path` that the entries are named by. */
export interface LayoutOptions extends ExportSelection {
  readonly imageName: string;
  /** Path of the repository in the lookaside tree. */
  readonly path: string;
  readonly profile?: LayoutProfile;
}

type Draft = Omit<PlannedEntry, 'offset'>;

const VERSION_FILE = Buffer.from('{"imageLayoutVersion":"1.0.0"}');

/**
 * Plans an OCI image layout of a version as a tar: `oci-layout`, `index.json`, blobs by path, then the lookaside tree of
 * simple signatures. The same content under the same name gives the same bytes, whenever and wherever it was stored.
 * Throws when a blob is not stored here, naming it.
 */
export async function planLayout(source: DataSource, view: ReadView, options: LayoutOptions): Promise<LayoutPlan> {
  const content = await selectContent(source, view, options);
  const index = renderLayoutIndex(content, options.imageName, options.profile ?? 'default');
  const files = [...content.manifests.map(manifestFile), ...(await blobFiles(source, content.manifests))];
  const blobs = [...new Map(files.map((file) => [file.path, file])).values()].sort((a, b) =>
    compareText(a.path, b.path),
  );
  const lookaside = options.signatures ? await lookasideFiles(source, view, content.manifests, options.path) : [];
  return place([bytesFile('oci-layout', VERSION_FILE), bytesFile('index.json', index), ...blobs, ...lookaside]);
}

function bytesFile(path: string, bytes: Buffer): Draft {
  return { path, size: bytes.length, origin: { kind: 'bytes', bytes } };
}

function manifestFile({ id, digest, size }: ExportedManifest): Draft {
  return { path: blobPath(digest), size, origin: { kind: 'manifest', id } };
}

async function blobFiles(source: DataSource, manifests: readonly ExportedManifest[]): Promise<Draft[]> {
  const rows = await rowsOf<{ digest: string; size: number; stored: boolean }>(
    source,
    `select distinct b.digest, b.size, b.stored from manifest_blob k join blob b on b.id = k.blob_id
     where k.manifest_id = any($1::uuid[]) order by b.digest`,
    [manifests.map((manifest) => manifest.id)],
  );
  const away = rows.filter((row) => !row.stored).map((row) => row.digest);
  if (away.length > 0)
    throw conflict(
      `${away.length} blobs are not stored here, only upstream; sync with the policy immediate first: ${away.slice(0, 20).join(', ')}`,
      'BLOB_UNKNOWN',
      { digests: away.slice(0, 100) },
    );
  return rows.map(({ digest, size }) => ({ path: blobPath(digest), size, origin: { kind: 'blob', digest } }));
}

/** Simple signatures, numbered by their digest for each manifest. */
async function lookasideFiles(
  source: DataSource,
  view: ReadView,
  manifests: readonly ExportedManifest[],
  path: string,
): Promise<Draft[]> {
  const rows = await rowsOf<{ id: string; manifest: string; size: number; n: number; digest: string }>(
    source,
    `select g.id, g.manifest_digest as manifest, g.digest, octet_length(g.bytes) as size,
       row_number() over (partition by g.manifest_digest order by g.digest)::int as n
     from signature g join membership m on m.unit_id = g.id and m.repository_id = $1 and ${MEMBER_AT}
     where g.format = 'simple' and g.manifest_digest = any($3::text[])`,
    [view.repositoryId, view.pinned, manifests.map((manifest) => manifest.digest)],
  );
  return rows
    .map(({ id, manifest, size, n, digest }): Draft & { salt: string; n: number; manifest: string } => ({
      path: `${LOOKASIDE}/${path}@${manifest.replace(':', '=')}/signature-${n}`,
      size,
      origin: { kind: 'signature', id },
      salt: digest,
      n,
      manifest,
    }))
    .sort((a, b) => compareText(a.manifest, b.manifest) || a.n - b.n);
}

function place(files: readonly (Draft & { salt?: string })[]): LayoutPlan {
  const hash = createHash('sha256');
  const entries: PlannedEntry[] = [];
  let offset = 0;
  for (const { path, size, origin, salt = '' } of files) {
    const header = tarHeader(path, size);
    hash.update(`${salt}\n`).update(header);
    if (origin.kind === 'bytes') hash.update(origin.bytes);
    entries.push(Object.freeze({ path, size, offset, origin }));
    offset += header.length + size + tarPadding(size).length;
  }
  const length = offset + END_OF_ARCHIVE.length;
  return Object.freeze({ entries: Object.freeze(entries), length, etag: `"${hash.digest('hex')}"` });
}
