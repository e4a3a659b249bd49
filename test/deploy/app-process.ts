import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = resolve(import.meta.dirname, '../..');
/** What Node is told so that it runs an app from source. */
const LOADER = ['--enable-source-maps', '--import', join(ROOT, 'test/tasks/typescript-hooks.mjs')];

/** Node's words for an app: what was built when that is up to date, as under `npm test`, else the source. */
export function programOf(app: string): string[] {
  return IS_BUILT
    ? ['--enable-source-maps', join(ROOT, 'dist/apps', app, 'main.js')]
    : [...LOADER, join(ROOT, 'apps', app, 'main.ts')];
}

/** How the apps run, for whoever prints times. */
export const howRun = () => (IS_BUILT ? 'built' : 'run from source');

const IS_BUILT = isBuilt();

function isBuilt(): boolean {
  const built = statSync(join(ROOT, 'dist/.built'), { throwIfNoEntry: false })?.mtimeMs;
  if (built === undefined) return false;
  return ['apps', 'libs', 'migrations'].every((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .every((name) => statSync(join(ROOT, folder, name)).mtimeMs < built),
  );
}

/** One of the apps as a process of its own. */
export interface AppProcess {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  output(): string;
  /** Waits until it is ready to work; throws with its output when it ends instead. */
  ready(milliseconds?: number): Promise<void>;
  /** Sends a signal and waits for the end; gives exit code or signal. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** Starts an app on a port; nothing of this process's environment but PATH and HOME reaches it. */
export function startApp(
  name: 'api' | 'registry' | 'worker' | 'standalone',
  port: number,
  settings: Readonly<Record<string, string>>,
): AppProcess {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/',
    HALLMARK_PORT: String(port),
    HALLMARK_LOG_FORMAT: 'json',
    ...settings,
  };
  const child = spawn(process.execPath, programOf(name), {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(-100_000)));
  const url = `http://127.0.0.1:${port}`;
  return {
    name,
    url,
    pid: child.pid!,
    output: () => text,
    ready: (milliseconds = 90_000) => waitReady(child, `${url}/readyz`, () => `${name}:\n${text}`, milliseconds),
    async end(signal = 'SIGTERM') {
      const ended = hasEnded(child) ? Promise.resolve() : new Promise<void>((done) => child.once('exit', () => done()));
      child.kill(signal);
      await ended;
      return child.signalCode ?? child.exitCode!;
    },
  };
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

async function waitReady(child: ChildProcess, url: string, said: () => string, milliseconds: number): Promise<void> {
  for (const deadline = Date.now() + milliseconds; Date.now() < deadline; await sleep(50)) {
    if (hasEnded(child)) throw new Error(`it ended before it was ready\n${said()}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new Error(`it was not ready in time\n${said()}`);
}
