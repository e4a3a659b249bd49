import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { invalid } from '#platform/domain-error.js';
import { OUTPUT_LIMIT } from './collected-output.js';

/** The file or folder that a script's stdout names, with links resolved; refused when it is outside of the folder. */
export async function readAnswer(stdout: string, folder: string): Promise<string> {
  let answer: unknown;
  try {
    answer = JSON.parse(stdout);
  } catch {
    throw refused(
      `The signing service script did not return valid JSON! Its stdout must be just {"signature_path": "…"}; it is ${JSON.stringify(stdout.slice(0, 200))}.`,
    );
  }
  const path = (answer as { signature_path?: unknown } | null)?.signature_path;
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw refused('The JSON that the script returned has no "signature_path".');
  const real = await realpath(resolve(folder, path)).catch(() => undefined);
  if (!real) throw refused(`The script named '${path}' as its signature, which does not exist.`);
  if (!real.startsWith(folder + sep))
    throw refused(`The script named '${path}' as its signature, which is outside of its working folder.`);
  return real;
}

/** Reads a file of the answer within the output limit; links, pipes and devices are refused. */
export async function readLimited(path: string): Promise<Buffer> {
  // Without O_NONBLOCK a named pipe would be waited for.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: Error) => {
    throw refused(`The signature that the script named cannot be read: ${error.message}`);
  });
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw refused('The signature that the script named is not a file.');
    if (facts.size > OUTPUT_LIMIT)
      throw invalid(`The signature is larger than ${OUTPUT_LIMIT} bytes.`, 'script', 'SCRIPT_LIMIT');
    if (facts.size === 0) throw refused('The signature that the script named is empty.');
    return await file.readFile();
  } finally {
    await file.close();
  }
}

const refused = (message: string) => invalid(message, 'script', 'SCRIPT_OUTPUT');
