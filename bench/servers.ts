import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { accessSync } from 'node:fs';

/** Admin's password on the servers here. */
export const PASSWORD = 'bench bench bench';

/** A server under load. */
export interface Server {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** Further processes that do its work. */
  readonly workers?: readonly number[];
  /** What writing takes. */
  readonly headers: Readonly<Record<string, string>>;
  readonly folder: string;
  stop(): Promise<void>;
}

/** The peers that are known here. */
export type PeerName = 'distribution' | 'docker-registry' | 'olareg';

const admin = { authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}` };
const dist = resolve(import.meta.dirname, '..');

/** Hallmark as scripts/start.mjs runs it: everything in one process, its own PostgreSQL beside it. */
export async function startHallmark(settings: Readonly<Record<string, string>> = {}): Promise<Server> {
  const folder = await workFolder();
  const port = await freePort();
  const environment = {
    HALLMARK_PORT: String(port),
    HALLMARK_DATA_DIR: join(folder, 'data'),
    HALLMARK_ADMIN_PASSWORD: PASSWORD,
    HALLMARK_LOG_LEVEL: 'warn',
    UV_THREADPOOL_SIZE: '16',
    ...settings,
  };
  const own = ['--enable-source-maps', '--max-semi-space-size=4'];
  const flags = (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter(Boolean);
  const child = spawn(process.execPath, [...own, ...flags, join(dist, 'apps/standalone/main.js')], {
    env: { ...process.env, ...environment },
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return started('hallmark', child, port, folder, admin);
}

/** Starts a peer, or gives undefined when this machine does not have it. */
export async function startPeer(name: PeerName): Promise<Server | undefined> {
  const program = findProgram(
    { distribution: 'registry3', 'docker-registry': 'docker-registry', olareg: 'olareg' }[name],
  );
  if (!program) return undefined;
  const folder = await workFolder();
  const port = await freePort();
  const store = join(folder, 'store');
  await mkdir(store);
  const config = join(folder, 'config.yml');
  await writeFile(
    config,
    `version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  cache:\n    blobdescriptor: inmemory\n` +
      `  filesystem:\n    rootdirectory: ${store}\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:${port}\n`,
  );
  const olareg = [
    'serve',
    '--addr',
    '127.0.0.1',
    '--port',
    String(port),
    '--dir',
    store,
    '--api-delete',
    '--gc-frequency',
    '-1s',
  ];
  const args = name === 'olareg' ? olareg : ['serve', config];
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' } });
  return started(name, child, port, folder, {});
}

/** A bare node:http server that sends these bytes. */
export async function startBare(headers: readonly string[], body: Buffer): Promise<Server> {
  const folder = await workFolder();
  const port = await freePort();
  const file = join(folder, 'body');
  await writeFile(file, body);
  const script = join(dist, 'bench/bare-server.js');
  const child = spawn(process.execPath, [script, String(port), JSON.stringify(headers), file], { stdio: 'inherit' });
  return started('node:http', child, port, folder, {});
}

/** A bare node:http server that takes pushes and keeps each file. */
export async function startBarePushes(): Promise<Server> {
  const folder = await workFolder();
  const port = await freePort();
  const child = spawn(process.execPath, [join(dist, 'bench/bare-push-server.js'), String(port), folder], {
    stdio: 'inherit',
  });
  return started('node:http', child, port, folder, {});
}

/** A program among the built clients or on the path. */
export function findProgram(name: string): string | undefined {
  const built = [process.env['HALLMARK_CLIENTS'] ?? '', resolve(dist, '../.clients'), resolve('.clients')];
  const folders = [...built, ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path);
        return true;
      } catch {
        return false;
      }
    });
}

/** A folder on the disk that is measured: BENCH_FOLDER or the one for temporary files. */
export function workFolder(): Promise<string> {
  return mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'hallmark-bench-'));
}

/** Waits until a process that was spawned answers; stops it when it does not. */
export async function started(
  name: string,
  child: ChildProcess,
  port: number,
  folder: string,
  headers: Readonly<Record<string, string>>,
): Promise<Server> {
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode === null) {
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  for (const deadline = Date.now() + 90_000; ;) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`${name} did not start`);
    }
    if (
      await fetch(`${url}/v2/`).then(
        () => true,
        () => false,
      )
    )
      break;
    await new Promise((done) => setTimeout(done, 100));
  }
  return { name, url, pid: child.pid!, headers, folder, stop };
}

/** A port of the loopback interface that nobody has. */
export function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}
