import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pack, type Pack } from 'tar-stream';
import type { Exporting } from '../oci-layout/export/open-export.js';
import { openExport } from '../oci-layout/export/open-export.js';
import { unitIdentities } from './unit-identities.js';

/** A version to write. */
export interface ExportedVersion {
  readonly repositoryId: string;
  readonly name: string;
  readonly number: number;
}

/** One repository in the list that an archive begins with. */
export interface ArchivedRepository {
  readonly name: string;
  readonly type: 'container.container';
  readonly number: number;
  readonly archive: string;
  /** Everything that the version holds. */
  readonly units: readonly string[];
}

/** What an archive says of itself in its first member. */
export const ARCHIVE_FORMAT = 'hallmark-export/1';

/** Files that were written, with their SHA-256. */
export interface WrittenArchive {
  readonly files: Readonly<Record<string, string>>;
  readonly toc: { readonly file: string; readonly sha256: string };
}

/** Where and how to write. */
export interface ArchiveTarget {
  readonly folder: string;
  readonly base: string;
  /** What the names begin with that earlier runs of the same export wrote; they go first. */
  readonly earlier: string;
  /** Most bytes of one file; 0: one file. */
  readonly chunkSize: number;
  readonly signal: AbortSignal;
}

/** Writes versions into one archive, or into pieces of it, with a table of contents beside. Leaves nothing when it fails. */
export async function writeArchive(
  exporting: Exporting,
  versions: readonly ExportedVersion[],
  target: ArchiveTarget,
): Promise<WrittenArchive> {
  await mkdir(target.folder, { recursive: true });
  await removeEarlier(target);
  const archive = pack();
  const pieces = new Pieces(target);
  try {
    const broken = (error: Error): never => {
      archive.destroy(error);
      throw error;
    };
    const bytes = archive as unknown as AsyncIterable<Buffer>;
    await Promise.all([pieces.write(bytes).catch(broken), fill(exporting, archive, versions).catch(broken)]);
    const { files, whole } = pieces;
    const toc = JSON.stringify({
      meta: { chunk_size: target.chunkSize, file: `${target.base}.tar`, global_hash: whole, checksum_type: 'sha256' },
      files: Object.fromEntries(
        Object.entries(files).map(([path, sum]) => [path.slice(target.folder.length + 1), sum]),
      ),
    });
    const file = join(target.folder, `${target.base}-toc.json`);
    await writeFile(file, toc);
    return { files, toc: { file, sha256: createHash('sha256').update(toc).digest('hex') } };
  } catch (error) {
    await pieces.remove();
    throw error;
  }
}

/** Removes what a run left whose worker died. */
async function removeEarlier({ folder, earlier }: ArchiveTarget): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(earlier));
  for (const name of names) await rm(join(folder, name), { force: true });
}

async function fill(exporting: Exporting, archive: Pack, versions: readonly ExportedVersion[]): Promise<void> {
  const repositories: ArchivedRepository[] = [];
  for (const [index, { repositoryId, name, number }] of versions.entries()) {
    const units = (await unitIdentities(exporting.source, repositoryId, number)).map(({ identity }) => identity);
    repositories.push({ name, type: 'container.container', number, archive: `repositories/${index}.tar`, units });
  }
  archive.entry({ name: 'export.json' }, JSON.stringify({ format: ARCHIVE_FORMAT, repositories }));
  for (const [index, { repositoryId, number }] of versions.entries()) {
    const layout = await openExport(exporting, { view: { repositoryId, pinned: number } });
    const header = { name: repositories[index]!.archive, size: layout.length };
    await new Promise<void>((done, fail) => {
      const entry = archive.entry(header, (error) => (error ? fail(error) : done()));
      layout
        .stream()
        .on('error', fail)
        .pipe(entry as unknown as Writable);
    });
  }
  archive.finalize();
}

/** Writes a stream into files of a size. */
class Pieces {
  readonly files: Record<string, string> = {};
  private readonly sum = createHash('sha256');
  private current: { path: string; file: FileHandle; sum: ReturnType<typeof createHash>; size: number } | undefined;

  constructor(private readonly target: ArchiveTarget) {}

  /** SHA-256 of everything. */
  get whole(): string {
    return this.sum.copy().digest('hex');
  }

  async write(chunks: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of chunks) {
      this.target.signal.throwIfAborted();
      this.sum.update(chunk);
      for (let rest = chunk; rest.length > 0;) rest = await this.some(rest);
    }
    await this.close();
  }

  async remove(): Promise<void> {
    await this.current?.file.close().catch(() => undefined);
    const begun = this.current ? [this.current.path] : [];
    for (const path of [...Object.keys(this.files), ...begun]) await rm(path, { force: true });
  }

  private async some(bytes: Buffer): Promise<Buffer> {
    const { chunkSize } = this.target;
    const piece = (this.current ??= await this.begin());
    const room = chunkSize > 0 ? chunkSize - piece.size : bytes.length;
    const now = bytes.subarray(0, room);
    await piece.file.writeFile(now);
    piece.sum.update(now);
    piece.size += now.length;
    if (chunkSize > 0 && piece.size >= chunkSize) await this.close();
    return bytes.subarray(now.length);
  }

  private async begin() {
    const { folder, base, chunkSize } = this.target;
    const tail = chunkSize > 0 ? `.${String(Object.keys(this.files).length).padStart(4, '0')}` : '';
    const path = join(folder, `${base}.tar${tail}`);
    return { path, file: await open(path, 'wx', 0o640), sum: createHash('sha256'), size: 0 };
  }

  private async close(): Promise<void> {
    if (!this.current) return;
    const { path, file, sum } = this.current;
    await file.sync();
    await file.close();
    this.files[path] = sum.digest('hex');
    this.current = undefined;
  }
}
