import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const FOLDERS = ['apps', 'libs', 'migrations', 'test', 'bench', 'scripts', 'docs', 'deploy'];

/** The files of the project, without what is installed or made: by their path from the checkout, those that match. */
export async function sourceFiles(pattern: RegExp): Promise<string[]> {
  const found = await Promise.all(
    FOLDERS.map(async (folder) => {
      const entries = await readdir(join(root, folder), { recursive: true });
      return entries.map((name) => `${folder}/${name}`);
    }),
  );
  return [...(await readdir(root)), ...found.flat()].filter((path) => pattern.test(path)).toSorted();
}
