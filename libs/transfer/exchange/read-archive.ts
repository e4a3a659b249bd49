import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { invalid } from '#platform/domain-error.js';
import { ARCHIVE_FORMAT, type ArchivedRepository } from './write-archive.js';

/** Files of an archive in order, and their checksums when a table of contents tells them. */
export interface ArchiveFiles {
  readonly paths: readonly string[];
  readonly sums: Readonly<Record<string, string>>;
}

const LARGEST_TOC = 1024 * 1024;
const LARGEST_LIST = 512 * 1024 * 1024;

/** The files that a table of contents names, all of them beside it. */
export async function readToc(toc: string): Promise<ArchiveFiles> {
  const found = await stat(toc).catch(() => undefined);
  if (!found?.isFile() || found.size > LARGEST_TOC)
    throw invalid(`The toc '${toc}' is not a file of an export.`, 'toc');
  try {
    const { files } = JSON.parse(await readFile(toc, 'utf8')) as { files: Record<string, string> };
    const names = Object.keys(files).toSorted();
    if (names.length === 0 || names.some((name) => !/^[\w.-]+$/.test(name))) throw new Error('no files');
    const at = (name: string) => join(dirname(toc), name);
    return { paths: names.map(at), sums: Object.fromEntries(names.map((name) => [at(name), files[name]!])) };
  } catch {
    throw invalid(`The toc '${toc}' is not a table of contents of an export.`, 'toc');
  }
}

/** Checks the files of an archive against their checksums. */
export async function verifyFiles({ paths, sums }: ArchiveFiles, signal?: AbortSignal): Promise<void> {
  for (const path of paths) {
    if (sums[path] === undefined) continue;
    const sum = createHash('sha256');
    for await (const chunk of createReadStream(path, signal ? { signal } : {})) sum.update(chunk as Buffer);
    if (sum.digest('hex') !== sums[path]) throw invalid(`The file ${path} is not what was exported; copy it again.`);
  }
}

async function* bytesOf(paths: readonly string[]): AsyncGenerator<Buffer> {
  for (const path of paths) for await (const chunk of createReadStream(path)) yield chunk as Buffer;
}

/** Takes the repositories of an archive one by one; `take` gets none of the rest when it returns `stop`. */
export async function readArchive(
  { paths }: ArchiveFiles,
  begin: (repositories: readonly ArchivedRepository[]) => Promise<'stop' | 'go'>,
  take: (repository: ArchivedRepository, bytes: Readable) => Promise<void>,
): Promise<void> {
  const archive = extract();
  const source = Readable.from(bytesOf(paths), { objectMode: false });
  source.on('error', (error) => archive.destroy(error));
  source.pipe(archive);
  const awaited = new Map<string, ArchivedRepository>();
  let listed = false;
  try {
    for await (const entry of archive) {
      const { name } = entry.header;
      if (!listed) {
        if (name !== 'export.json') throw notAnExport();
        const repositories = await readList(entry as unknown as AsyncIterable<Buffer>);
        for (const each of repositories) awaited.set(each.archive, each);
        listed = true;
        if ((await begin(repositories)) === 'stop') return;
        continue;
      }
      const repository = awaited.get(name);
      if (!repository) throw notAnExport();
      awaited.delete(name);
      await take(repository, Readable.from(entry as unknown as AsyncIterable<Buffer>));
    }
  } finally {
    source.destroy();
    archive.destroy();
  }
  if (!listed || awaited.size > 0) throw notAnExport();
}

const notAnExport = () => invalid('The file is not an export of repositories, or it is cut off.');

async function readList(entry: AsyncIterable<Buffer>): Promise<ArchivedRepository[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of entry) {
    size += chunk.length;
    if (size > LARGEST_LIST) throw notAnExport();
    chunks.push(chunk);
  }
  try {
    const list = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      format: string;
      repositories: ArchivedRepository[];
    };
    const usable = list.repositories.every(
      ({ name, archive, units }) => typeof name === 'string' && typeof archive === 'string' && Array.isArray(units),
    );
    if (list.format === ARCHIVE_FORMAT && usable) return list.repositories;
  } catch {
    // Said below.
  }
  throw notAnExport();
}
