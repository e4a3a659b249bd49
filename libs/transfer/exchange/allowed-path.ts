import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve, sep } from 'node:path';

/** The path with links resolved as far as it exists. */
async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : resolve(await real(parent), path.slice(parent.length).replace(/^[/\\]+/, ''));
  }
}

/** True when a path is inside one of the roots, links followed. */
export async function isInside(path: string, roots: readonly string[]): Promise<boolean> {
  if (!isAbsolute(path) || path.includes('\0') || path.split(/[/\\]/).includes('..')) return false;
  const target = await real(resolve(path));
  for (const root of roots) {
    const base = await real(resolve(root));
    if (target === base || target.startsWith(base.endsWith(sep) ? base : base + sep)) return true;
  }
  return false;
}

/** What is wrong with the folder of an exporter; undefined when it can be written to. */
export async function exportPathProblem(path: string, roots: readonly string[]): Promise<string | undefined> {
  if (!(await isInside(path, roots))) return `Path '${path}' is not an allowed export path`;
  const found = await stat(path).catch(() => undefined);
  return found && !found.isDirectory() ? `Path '${path}' must be a directory path` : undefined;
}
