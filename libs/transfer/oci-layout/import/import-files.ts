import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isUuid } from '#platform/identifiers.js';
import { hasCode } from '#storage/storage-errors.js';

/** The files of one import under the data folder. */
export interface ImportFiles {
  /** The request's body as it came. */
  readonly upload: string;
  /** The archive without its compression. */
  readonly plain: string;
  /** The report of an import that is done, kept for a run that repeats it. */
  readonly report: string;
}

/** Folder of archives that wait for their import. */
export const importFolder = (dataDir: string) => join(dataDir, 'imports');

/** Where the files of an import lie. */
export function importFiles(dataDir: string, importId: string): ImportFiles {
  if (!isUuid(importId)) throw new Error('an import is named by a UUID');
  const base = join(importFolder(dataDir), importId);
  return { upload: `${base}.upload`, plain: `${base}.plain`, report: `${base}.report` };
}

/** Makes the folder and returns the files of an import. */
export async function prepareImport(dataDir: string, importId: string): Promise<ImportFiles> {
  await mkdir(importFolder(dataDir), { recursive: true, mode: 0o700 });
  return importFiles(dataDir, importId);
}

/** Removes the archive; the report stays when there is one. */
export async function removeArchive({ upload, plain }: ImportFiles): Promise<void> {
  await Promise.all([rm(upload, { force: true }), rm(plain, { force: true })]);
}

/** Keeps the report of an import, then removes its archive. */
export async function finishImport(files: ImportFiles, report: unknown): Promise<void> {
  await writeFile(files.report, JSON.stringify(report));
  await removeArchive(files);
}

/** The report that {@link finishImport} kept. */
export async function finishedReport<Report>(files: ImportFiles): Promise<Report | undefined> {
  try {
    return JSON.parse(await readFile(files.report, 'utf8')) as Report;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Removes files that nobody touched for `ttlSeconds`: of imports that ended, or that died. Returns how many went. */
export async function purgeImports(dataDir: string, ttlSeconds: number, inUse: ReadonlySet<string>): Promise<number> {
  const folder = importFolder(dataDir);
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  let removed = 0;
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (!found || inUse.has(name.split('.')[0]!) || found.mtimeMs > Date.now() - ttlSeconds * 1000) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}
