import { readdir, readFile, readlink } from 'node:fs/promises';

/** Programs that a script may start for all that come after it. */
const DAEMONS: ReadonlySet<string> = new Set(['gpg-agent', 'scdaemon', 'dirmngr', 'keyboxd']);

/** Ends a script with all children that stayed in its process group. */
export function endGroup(pid: number | undefined): void {
  if (pid !== undefined) kill(-pid);
}

/**
 * Ends what a script started outside of its process group, as with setsid: every process that works in the folder of the run
 * or whose environment names it, but for the daemons of GnuPG. Only Linux shows this; elsewhere nothing is done.
 */
export async function endStragglers(folder: string): Promise<void> {
  const names = process.platform === 'linux' ? await readdir('/proc') : [];
  await Promise.all(names.filter((name) => /^\d+$/.test(name)).map((pid) => endIfOf(folder, pid)));
}

async function endIfOf(folder: string, pid: string): Promise<void> {
  try {
    const [environment, place] = await Promise.all([readFile(`/proc/${pid}/environ`), readlink(`/proc/${pid}/cwd`)]);
    if (!environment.includes(`SIG_PATH=${folder}/`) && place !== folder && !place.startsWith(`${folder}/`)) return;
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8')).trim();
    if (!DAEMONS.has(name)) kill(Number(pid));
  } catch {
    // It ended meanwhile, or belongs to somebody else.
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
