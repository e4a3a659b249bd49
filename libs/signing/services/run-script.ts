import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdir, open, readdir, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { type DomainError, invalid } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';
import { makeFolder } from '#platform/make-folder.js';
import { CollectedOutput, OUTPUT_LIMIT } from './collected-output.js';
import { endGroup, endStragglers } from './end-processes.js';
import { readAnswer } from './script-answer.js';
import { requireScript } from './script-file.js';

/** One call of a signing script. */
export interface ScriptCall {
  readonly script: string;
  readonly manifest: Uint8Array;
  /** Variables of the contract and of the service row; the only other ones are PATH, HOME, LANG and GNUPGHOME. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
  /** Fills the fresh folder before the script runs and may add variables that name what it wrote. */
  prepare?(folder: string): Promise<Readonly<Record<string, string>>>;
  /** Reads the answer; the path was checked to be inside the folder. */
  read(path: string, folder: string): Promise<Uint8Array>;
}

/**
 * Runs a script in a fresh folder with an allow-listed environment, a time limit and an output limit, and returns what its
 * answer `{"signature_path": …}` leads to. Throws an invalid DomainError that says which step failed, stderr included.
 * Cancelling ends the script with its children.
 */
export async function runScript(workDir: string, call: ScriptCall): Promise<Uint8Array> {
  await requireScript(call.script);
  const folder = join(workDir, newId());
  // Only from here on is it nobody's business: a proxy reads beside it.
  await makeFolder(dirname(workDir));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const inside = await realpath(folder);
    const manifestPath = join(inside, 'manifest');
    const file = await open(manifestPath, 'wx', 0o600);
    try {
      await file.writeFile(call.manifest);
    } finally {
      await file.close();
    }
    const prepared = (await call.prepare?.(inside)) ?? {};
    const environment = { ...baseEnvironment(), ...call.environment, SIG_PATH: join(inside, 'signature'), ...prepared };
    const stdout = await execute(call, manifestPath, environment, inside);
    return await call.read(await readAnswer(stdout, inside), inside);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Removes the folders of runs whose worker died, once they are older than any run may be. */
export async function removeStaleFolders(workDir: string, timeoutSeconds: number): Promise<void> {
  const oldest = Date.now() - (2 * timeoutSeconds + 3600) * 1000;
  for (const name of await readdir(workDir).catch(() => [])) {
    const folder = join(workDir, name);
    const facts = await stat(folder).catch(() => undefined);
    if (facts?.isDirectory() && facts.mtimeMs < oldest) await rm(folder, { recursive: true, force: true });
  }
}

const PASSED_ON = ['PATH', 'HOME', 'LANG', 'GNUPGHOME'];

function baseEnvironment(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

async function execute(
  call: ScriptCall,
  manifestPath: string,
  environment: Record<string, string>,
  folder: string,
): Promise<string> {
  call.signal?.throwIfAborted();
  // A process group of its own, so that children can be ended with it.
  const child = spawn(call.script, [manifestPath], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  }) as ChildProcessByStdio<null, Readable, Readable>;
  const stdout = new CollectedOutput();
  const stderr = new CollectedOutput();
  let reason: string | undefined;
  let isSomebodyLeft = false;
  const end = (why: string) => {
    reason ??= why;
    endGroup(child.pid);
  };
  child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk) || end(tooMuch('stdout')));
  child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk) || end(tooMuch('stderr')));
  const timer = setTimeout(() => end(tooSlow(call.timeoutSeconds)), call.timeoutSeconds * 1000);
  const onAbort = () => end('was cancelled');
  call.signal?.addEventListener('abort', onAbort);
  try {
    const { code, signal, left } = await ending(child);
    isSomebodyLeft = left;
    call.signal?.throwIfAborted();
    if (reason) throw invalid(`The script ${reason}.${said(stderr)}`, 'script', 'SCRIPT_LIMIT');
    if (code !== 0) throw invalid(`The script ended with ${code ?? signal}.${said(stderr)}`, 'script', 'SCRIPT_FAILED');
    return stdout.text();
  } catch (error) {
    throw startFailure(error, call.script) ?? error;
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener('abort', onAbort);
    if (reason || isSomebodyLeft) await endStragglers(folder);
  }
}

/** How a script ended; `left` when something that it started is outside of its process group and alive. */
interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly left: boolean;
}

/**
 * Waits until everybody who holds the script's pipes is gone; children that outlive it are ended with it. The fourth pipe is
 * there to be held: nobody writes to it, and who sends stdout and stderr elsewhere has it still.
 */
function ending(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Ending> {
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code, signal) => {
      endGroup(child.pid);
      let left = false;
      // What left the group may hold the pipes for ever; what is in them is read first, however late the timer is.
      const drop = () => {
        left = true;
        for (const pipe of child.stdio) pipe?.destroy();
      };
      const timer = setTimeout(() => setImmediate(drop), 500);
      child.once('close', () => (clearTimeout(timer), done({ code, signal, left })));
    });
  });
}

const tooMuch = (stream: string) => `wrote more than ${OUTPUT_LIMIT} bytes to ${stream}`;
const tooSlow = (seconds: number) =>
  `did not end within ${seconds} seconds; if its key has a passphrase, something may be asking for it: the script must hand it over, as with --passphrase-file`;

function startFailure(error: unknown, script: string): DomainError | undefined {
  const { syscall, code, message } = error as NodeJS.ErrnoException;
  if (!syscall?.startsWith('spawn')) return undefined;
  const why = code === 'ENOENT' ? `the interpreter in the first line of '${script}' does not exist` : message;
  return invalid(`The script could not be started: ${why}`, 'script', 'SCRIPT_FAILED');
}

function said(stderr: CollectedOutput): string {
  const text = stderr.text().trim();
  return text === '' ? ' It wrote nothing to stderr.' : ` It wrote to stderr: ${text.slice(-2000)}`;
}
