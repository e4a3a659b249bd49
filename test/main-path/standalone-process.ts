import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../free-port.js';

const ROOT = resolve(import.meta.dirname, '../..');
const LOADER = ['--import', join(ROOT, 'test/tasks/typescript-hooks.mjs')];

/** Password of `admin` in these tests. */
export const PASSWORD = 'main path';

/** A Hallmark as `npm start` runs it: a process of its own with its own embedded PostgreSQL. */
export interface Standalone {
  readonly url: string;
  readonly host: string;
  readonly dataDir: string;
  readonly output: () => string;
  /** A request as admin; JSON in and out. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }>;
  /** Calls, waits for the task of a 202 and returns it. */
  task(path: string, body: unknown): Promise<Json>;
  /** The operator's command on the same data. */
  hallmark(words: readonly string[], env?: Record<string, string>): Promise<Ended>;
  stop(): Promise<void>;
}

/** JSON whose members tests reach without casts. */
export type Json = { readonly [member: string]: Json } & readonly Json[] & string & number & boolean & null;

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a Hallmark on a free port and waits until it says where it is. */
export async function startStandalone(settings: Record<string, string> = {}): Promise<Standalone> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hallmark-main-'));
  const port = await freePort();
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/',
    HALLMARK_DATA_DIR: dataDir,
    HALLMARK_PORT: String(port),
    HALLMARK_ADMIN_PASSWORD: PASSWORD,
    HALLMARK_LOG_LEVEL: 'warn',
    ...settings,
  };
  const child = spawn(process.execPath, [...LOADER, join(ROOT, 'apps/standalone/main.ts')], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collect(child);
  await ready(child, output);
  const url = `http://127.0.0.1:${port}`;
  const call = (method: string, path: string, body?: unknown) => request(url, method, path, body);
  return {
    url,
    host: `127.0.0.1:${port}`,
    dataDir,
    output,
    call,
    task: (path, body) => finish(call, path, body),
    hallmark: (words, extra = {}) =>
      run(process.execPath, [...LOADER, join(ROOT, 'apps/admin/main.ts'), ...words], { ...env, ...extra }),
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await new Promise((done) => child.once('exit', done));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Runs a program to its end. */
export async function run(
  program: string,
  words: readonly string[],
  env: Record<string, string>,
  cwd?: string,
): Promise<Ended> {
  const child = spawn(program, words, { env, stdio: ['ignore', 'pipe', 'pipe'], ...(cwd ? { cwd } : {}) });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done));
  return { code, stdout, stderr };
}

/** Runs a program that has to succeed, and returns what it printed. */
export async function must(
  program: string,
  words: readonly string[],
  env: Record<string, string>,
  cwd?: string,
): Promise<string> {
  const { code, stdout, stderr } = await run(program, words, env, cwd);
  if (code !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

async function ready(child: ChildProcess, output: () => string): Promise<void> {
  for (let waited = 0; waited < 90_000; waited += 50) {
    if (output().includes('Hallmark is at')) return;
    if (child.exitCode !== null) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  child.kill('SIGKILL');
  throw new Error(`Hallmark did not start:\n${output()}`);
}

async function request(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Json }> {
  const answer = await fetch(new URL(path, `${url}/pulp/api/v3/`), {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text === '' ? null : JSON.parse(text)) as Json };
}

async function finish(call: Standalone['call'], path: string, body: unknown): Promise<Json> {
  const started = await call('POST', path, body);
  if (started.status !== 202)
    throw new Error(`POST ${path} answered ${started.status}: ${JSON.stringify(started.body)}`);
  for (let waited = 0; waited < 60_000; waited += 20) {
    const { body: task } = await call('GET', started.body['task'] as string);
    if (['completed', 'failed', 'canceled'].includes(task['state'] as string)) return task;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`the task of POST ${path} does not end`);
}
