import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isUuid } from '#platform/identifiers.js';
import { hasCode } from '#storage/storage-errors.js';

/** The files of one import under the data folder. */
export interface ImportFiles {
  /** The request's body as it came. */
  readonly upload: string;
  /** The archive without its compression. */
  readonly plain: string;
}

/** Folder of archives that wait for their import. */
export const importFolder = (dataDir: string) => join(dataDir, 'imports');

/** Where the files of an import lie. */
export function importFiles(dataDir: string, importId: string): ImportFiles {
  if (!isUuid(importId)) throw new Error('an import is named by a UUID');
  const base = join(importFolder(dataDir), importId);
  return { upload: `${base}.upload`, plain: `${base}.plain` };
}

/** Makes the folder and returns the files of an import. */
export async function prepareImport(dataDir: string, importId: string): Promise<ImportFiles> {
  await mkdir(importFolder(dataDir), { recursive: true, mode: 0o700 });
  return importFiles(dataDir, importId);
}

/** Removes the archive. */
export async function removeArchive({ upload, plain }: ImportFiles): Promise<void> {
  await Promise.all([rm(upload, { force: true }), rm(plain, { force: true })]);
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
