import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, open, realpath, rm, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { invalid } from '#platform/domain-error.js';
import { newId } from '#platform/identifiers.js';

/** Most bytes that a script may write to stdout, to stderr, and into its signature. */
export const OUTPUT_LIMIT = 4 * 1024 * 1024;

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
  const file = await open(script, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    const head = buffer.subarray(0, bytesRead);
    return head.toString('latin1', 0, 2) === '#!' || head.equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46]));
  } finally {
    await file.close();
  }
}

/**
 * Runs a script in a fresh folder with an allow-listed environment, a time limit and an output limit, and returns what its
 * answer `{"signature_path": …}` leads to. Throws an invalid DomainError that says which step failed, stderr included.
 * Cancelling ends the script with its children.
 */
export async function runScript(workDir: string, call: ScriptCall): Promise<Uint8Array> {
  await requireScript(call.script);
  const folder = join(workDir, newId());
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const inside = await realpath(folder);
    const manifestPath = join(inside, 'manifest');
    const file = await open(manifestPath, 'wx', 0o600);
    await file.writeFile(call.manifest).finally(() => file.close());
    const prepared = (await call.prepare?.(inside)) ?? {};
    const environment = { ...baseEnvironment(), ...call.environment, SIG_PATH: join(inside, 'signature'), ...prepared };
    const stdout = await execute(call, manifestPath, environment, inside);
    return await call.read(await signaturePath(stdout, inside), inside);
  } finally {
    await rm(folder, { recursive: true, force: true });
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
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const stdout = new Collected();
  const stderr = new Collected();
  let reason: string | undefined;
  const end = (why: string) => {
    reason ??= why;
    killGroup(child.pid);
  };
  child.stdout.on(
    'data',
    (chunk: Buffer) => stdout.add(chunk) || end(`wrote more than ${OUTPUT_LIMIT} bytes to stdout`),
  );
  child.stderr.on(
    'data',
    (chunk: Buffer) => stderr.add(chunk) || end(`wrote more than ${OUTPUT_LIMIT} bytes to stderr`),
  );
  const timer = setTimeout(() => end(`did not end within ${call.timeoutSeconds} seconds`), call.timeoutSeconds * 1000);
  const onAbort = () => end('was cancelled');
  call.signal?.addEventListener('abort', onAbort);
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done, fail) => {
      child.once('error', fail);
      // `close` waits for every holder of the pipes; children that outlive the script are ended with it.
      child.once('exit', (...ending) => {
        killGroup(child.pid);
        child.once('close', () => done(ending));
        setTimeout(() => (child.stdout.destroy(), child.stderr.destroy()), 500).unref();
      });
    });
    call.signal?.throwIfAborted();
    if (reason) throw invalid(`The script ${reason}.${said(stderr)}`, 'script', 'SCRIPT_LIMIT');
    if (code !== 0) throw invalid(`The script ended with ${code ?? signal}.${said(stderr)}`, 'script', 'SCRIPT_FAILED');
    return stdout.text();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall?.startsWith('spawn'))
      throw invalid(`The script could not be started: ${(error as Error).message}`, 'script', 'SCRIPT_FAILED');
    throw error;
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener('abort', onAbort);
    killGroup(child.pid);
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended already.
  }
}

function said(stderr: Collected): string {
  const text = stderr.text().trim();
  return text === '' ? ' It wrote nothing to stderr.' : ` It wrote to stderr: ${text.slice(-2000)}`;
}

async function signaturePath(stdout: string, folder: string): Promise<string> {
  let answer: unknown;
  try {
    answer = JSON.parse(stdout);
  } catch {
    throw invalid(
      `The signing service script did not return valid JSON! Its stdout must be just {"signature_path": "…"}; it is ${JSON.stringify(stdout.slice(0, 200))}.`,
      'script',
      'SCRIPT_OUTPUT',
    );
  }
  const path = (answer as { signature_path?: unknown } | null)?.signature_path;
  if (typeof path !== 'string' || path === '')
    throw invalid('The JSON that the script returned has no "signature_path".', 'script', 'SCRIPT_OUTPUT');
  const real = await realpath(resolve(folder, path)).catch(() => undefined);
  if (!real)
    throw invalid(`The script named '${path}' as its signature, which does not exist.`, 'script', 'SCRIPT_OUTPUT');
  if (!real.startsWith(folder + sep))
    throw invalid(
      `The script named '${path}' as its signature, which is outside of its working folder.`,
      'script',
      'SCRIPT_OUTPUT',
    );
  return real;
}

/** Reads a file of the answer within the output limit. */
export async function readLimited(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw invalid('The signature that the script named is not a file.', 'script', 'SCRIPT_OUTPUT');
    if (facts.size > OUTPUT_LIMIT)
      throw invalid(`The signature is larger than ${OUTPUT_LIMIT} bytes.`, 'script', 'SCRIPT_LIMIT');
    return await file.readFile();
  } finally {
    await file.close();
  }
}

class Collected {
  private readonly chunks: Buffer[] = [];
  private size = 0;

  /** False when the limit is passed; what came before is kept. */
  add(chunk: Buffer): boolean {
    this.size += chunk.length;
    if (this.size > OUTPUT_LIMIT) return false;
    this.chunks.push(chunk);
    return true;
  }

  text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}
