import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { findProgram, freePort, type Server, started, workFolder } from './servers.js';

/** As many as the machine has cores, as nginx's image does. */
const WORKERS = availableParallelism();
const TEMPLATE = resolve(import.meta.dirname, '../../deploy/chart/nginx.conf.template');

/**
 * nginx with the configuration that is shipped in front of a Hallmark that leaves blobs to it, or undefined when this
 * machine has no nginx.
 */
export async function startProxy(hallmark: Server): Promise<Server | undefined> {
  const program = findProgram('nginx');
  if (!program) return undefined;
  const folder = await workFolder();
  const port = await freePort();
  const { host } = new URL(hallmark.url);
  const settings: Readonly<Record<string, string>> = {
    LISTEN: `127.0.0.1:${port}`,
    API: host,
    REGISTRY: host,
    BLOBS: `${join(hallmark.folder, 'data/blobs')}/`,
  };
  const shipped = (await readFile(TEMPLATE, 'utf8')).replaceAll(/\$\{HALLMARK_(\w+)\}/g, (_all, name: string) => {
    if (!(name in settings)) throw new Error(`the template of nginx has another variable: HALLMARK_${name}`);
    return settings[name]!;
  });
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${join(folder, 'temp', kind)};`).join(' ');
  await mkdir(join(folder, 'temp'));
  const file = join(folder, 'nginx.conf');
  const errors = join(folder, 'error.log');
  await writeFile(
    file,
    `daemon off; worker_processes ${WORKERS}; pid ${join(folder, 'nginx.pid')}; error_log ${errors};
     ${process.getuid?.() === 0 ? 'user root;' : ''}
     events {} http { access_log off; ${temporary} ${shipped} }`,
  );
  const child = spawn(program, ['-c', file, '-p', folder, '-e', errors], { stdio: 'inherit' });
  const nginx = await started('nginx', child, port, folder, hallmark.headers);
  const children = await readFile(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8');
  return { ...nginx, workers: children.trim().split(' ').map(Number) };
}
