import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { isDigest } from '#oci/digest.js';
import { parseStrictJson, StrictJsonError } from '#oci/strict-json.js';
import { blobPath } from '../layout-names.js';
import { DOCKER_ARCHIVE, refused, shown } from '../tar/refusal.js';
import type { SurveyedFile } from './survey-archive.js';

const BLOBS = /^blobs\/(sha256|sha512)\/([a-f0-9]+)$/;

/** The files of a layout inside a surveyed archive, by their paths in the layout. */
export class LayoutFiles {
  private constructor(
    private readonly path: string,
    private readonly archive: FileHandle,
    private readonly files: ReadonlyMap<string, SurveyedFile>,
  ) {}

  /** Finds the layout at the root of the archive or in its one folder; throws when there is none. */
  static async open(path: string, surveyed: ReadonlyMap<string, SurveyedFile>): Promise<LayoutFiles> {
    const files = underRoot(surveyed);
    for (const name of ['oci-layout', 'index.json'])
      if (!files.has(name)) throw refused(`The layout has no file ${name}.`);
    return new LayoutFiles(path, await open(path), files);
  }

  /** The file of a digest. */
  blob(digest: string): SurveyedFile | undefined {
    return this.files.get(blobPath(digest));
  }

  /** A file by its path in the layout. */
  file(path: string): SurveyedFile | undefined {
    return this.files.get(path);
  }

  /** Paths of all files. */
  paths(): string[] {
    return [...this.files.keys()];
  }

  /** Digests of manifests with what they refer to. */
  referrers(): { digest: string; subjects: readonly string[] }[] {
    return [...this.files].flatMap(([path, { subjects }]) => {
      const match = subjects && subjects.length > 0 ? BLOBS.exec(path) : undefined;
      const digest = match ? `${match[1]}:${match[2]}` : '';
      return subjects && isDigest(digest) ? [{ digest, subjects }] : [];
    });
  }

  /** A small file in memory. */
  async read(file: SurveyedFile, most: number): Promise<Buffer> {
    if (file.size > most) throw refused(`${shown(file.path)} is larger than ${most} bytes.`);
    const { bytesRead, buffer } = await this.archive.read(Buffer.alloc(file.size), 0, file.size, file.offset);
    if (bytesRead !== file.size) throw refused(`${shown(file.path)} cannot be read any more; send the archive again.`);
    return buffer;
  }

  /** A JSON file. */
  async readJson(path: string, most: number, values: number): Promise<unknown> {
    const bytes = await this.read(this.files.get(path)!, most);
    try {
      return parseStrictJson(bytes, { values });
    } catch (error) {
      if (error instanceof StrictJsonError) throw refused(`${path} is not usable JSON: ${error.message}.`);
      throw error;
    }
  }

  /** The bytes of a file. */
  stream({ offset, size }: SurveyedFile): Readable {
    if (size === 0) return Readable.from([]);
    const highWaterMark = Math.max(1024, Math.min(size, 1 << 20));
    return createReadStream(this.path, { start: offset, end: offset + size - 1, highWaterMark });
  }

  async close(): Promise<void> {
    await this.archive.close();
  }
}

function underRoot(surveyed: ReadonlyMap<string, SurveyedFile>): ReadonlyMap<string, SurveyedFile> {
  if (surveyed.has('oci-layout')) return surveyed;
  const markers = [...surveyed.keys()].filter((path) => path.endsWith('/oci-layout'));
  if (markers.length === 0)
    throw refused(
      surveyed.has('manifest.json')
        ? DOCKER_ARCHIVE
        : 'The archive is no OCI image layout: it has no file oci-layout at its root or in its one folder.',
    );
  const root = markers[0]!.slice(0, -'oci-layout'.length);
  const beside = [...surveyed.keys()].find((path) => !path.startsWith(root));
  if (markers.length > 1 || beside !== undefined)
    throw refused(`The archive has more than the one folder ${shown(root)}; send one layout at a time.`);
  return new Map([...surveyed].map(([path, file]) => [path.slice(root.length), file]));
}
