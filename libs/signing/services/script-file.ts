import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { invalid } from '#platform/domain-error.js';

/** Refuses a script that is not an absolute path to an executable file with a `#!` line, naming what is wrong. */
export async function requireScript(script: string): Promise<void> {
  if (!isAbsolute(script))
    throw invalid(`The script must be an absolute path; '${script}' is relative.`, 'script', 'SCRIPT_RELATIVE');
  const facts = await stat(script).catch(() => undefined);
  if (!facts) throw invalid(`The script '${script}' does not exist.`, 'script', 'SCRIPT_MISSING');
  if (!facts.isFile()) throw invalid(`The script '${script}' is not a file.`, 'script', 'SCRIPT_MISSING');
  const executable = await access(script, constants.X_OK).then(
    () => (facts.mode & 0o111) !== 0,
    () => false,
  );
  if (!executable)
    throw invalid(`The script '${script}' is not executable; run chmod +x on it.`, 'script', 'SCRIPT_NOT_EXECUTABLE');
  if (!(await isRunnable(script)))
    throw invalid(
      `The script '${script}' has no shebang; its first line must be like '#!/usr/bin/env bash'.`,
      'script',
      'SCRIPT_NO_SHEBANG',
    );
}

/** A `#!` line or a native program; without this the runtime would hand the file to /bin/sh. */
async function isRunnable(script: string): Promise<boolean> {
  const file = await open(script, 'r').catch((error: Error) => {
    throw invalid(`The script '${script}' cannot be read: ${error.message}`, 'script', 'SCRIPT_NOT_EXECUTABLE');
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    const head = buffer.subarray(0, bytesRead);
    return head.toString('latin1', 0, 2) === '#!' || head.equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46]));
  } finally {
    await file.close();
  }
}
