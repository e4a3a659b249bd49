// Brings a checkout to the state that `npm start` and `npm test` need. Only what Node itself ships may be imported here.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Node that the project brings along; the machine's own until packages are there. */
export const runtime = () => {
  const own = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  return existsSync(own) ? own : process.execPath;
};

/** Stops with a clear sentence when the machine's Node is too old to set anything up. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Hallmark needs Node 20.19 or later to set itself up; this is ${process.versions.node}.`);
  process.exit(2);
}

/** Installs the packages of the lock file when they are not the ones that are there. */
export function installPackages() {
  const wanted = hash(readFileSync(join(root, 'package-lock.json')));
  const marker = join(root, 'node_modules', '.hallmark-lock');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  console.error('Installing packages …');
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  run(npm[0], [...npm.slice(1), 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    ...process.env,
    NODE_ENV: 'development',
  });
  writeFileSync(marker, wanted);
}

/** Compiles the sources when they changed since the last time. */
export function buildSources() {
  const wanted = hash(Buffer.from(sourceStamp()));
  const marker = join(root, 'dist', '.built');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  console.error('Building …');
  run(runtime(), [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'tsconfig.json')]);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(marker, wanted);
}

function sourceStamp() {
  const lines = [];
  const walk = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (/\.(ts|json)$/.test(entry.name)) {
        const { size, mtimeMs } = statSync(join(root, path));
        lines.push(`${path} ${size} ${mtimeMs}`);
      }
    }
  };
  for (const folder of ['apps', 'libs', 'migrations', 'test', 'bench'])
    if (existsSync(join(root, folder))) walk(folder);
  for (const file of ['tsconfig.json', 'package-lock.json'])
    lines.push(`${file} ${hash(readFileSync(join(root, file)))}`);
  return lines.sort().join('\n');
}

function run(command, options, environment = process.env) {
  const { status, error } = spawnSync(command, options, { cwd: root, stdio: ['ignore', 2, 2], env: environment });
  if (status === 0) return;
  console.error(
    error ? error.message : `\n${command} ${options.slice(0, 3).join(' ')} failed; the lines above say why.`,
  );
  process.exit(1);
}

function hash(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
