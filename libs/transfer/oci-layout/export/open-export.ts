import type { Readable } from 'node:stream';
import type { DataSource } from 'typeorm';
import type { ReadView } from '#content/read/find-manifest.js';
import type { HallmarkConfig } from '#platform/config.js';
import { rowsOf } from '#platform/database.js';
import { notFound } from '#platform/domain-error.js';
import type { BlobStore, ByteRange } from '#storage/blob-store.js';
import type { LayoutProfile } from './layout-index.js';
import { planLayout } from './plan-layout.js';
import { type StreamOptions, streamLayout } from './stream-layout.js';

/** A version to export. `tags` left out: all of it. */
export interface ExportRequest {
  readonly view: ReadView;
  readonly tags?: readonly string[];
  /** Default true. */
  readonly signatures?: boolean;
  readonly profile?: LayoutProfile;
}

/** An archive that is ready to be sent. */
export interface OpenedExport {
  /** Bytes of the whole archive, for `Content-Length`. */
  readonly length: number;
  /** Strong entity tag, quoted, for `ETag` and `If-Range`. */
  readonly etag: string;
  /** Name of the repository's content, for a file name. */
  readonly path: string;
  /** The bytes; a range has both ends included and must lie inside. */
  stream(range?: ByteRange, options?: StreamOptions): Readable;
}

/** What an export needs. */
export interface Exporting {
  readonly source: DataSource;
  readonly store: BlobStore;
  readonly config: HallmarkConfig;
}

/**
 * Plans the export of a version. Everything that can be refused is refused here, before the first byte: unknown tags
 * (not-found), blobs that only an upstream has (conflict). Send `Content-Type: application/x-tar`.
 */
export async function openExport(exporting: Exporting, request: ExportRequest): Promise<OpenedExport> {
  const { source, config } = exporting;
  const path = await pathOf(source, request.view.repositoryId);
  const plan = await planLayout(source, request.view, {
    imageName: `${portableHost(config)}${path}`,
    path,
    signatures: request.signatures ?? true,
    ...(request.tags === undefined ? {} : { tags: request.tags }),
    ...(request.profile === undefined ? {} : { profile: request.profile }),
  });
  const { length, etag } = plan;
  return { length, etag, path, stream: (range, options) => streamLayout(plan, exporting, range, options) };
}

/** Base path of the one distribution that serves the repository, else the repository's name. */
async function pathOf(source: DataSource, repositoryId: string): Promise<string> {
  const rows = await rowsOf<{ name: string; path: string | null }>(
    source,
    `select r.name, d.base_path as path from repository r
     left join distribution d on d.repository_id = r.id and d.type = 'container' where r.id = $1 limit 2`,
    [repositoryId],
  );
  if (!rows[0]) throw notFound('The repository does not exist any more.', 'NAME_UNKNOWN');
  return rows.length === 1 ? (rows[0].path ?? rows[0].name) : rows[0].name;
}

/** The public host and a slash; nothing for a loopback host, which means another machine wherever the archive is read. */
function portableHost(config: HallmarkConfig): string {
  const host = config.publicHost;
  return /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/.test(host) ? '' : `${host}/`;
}
