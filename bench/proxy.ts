import { spawn } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { writeNginxConfiguration } from '../test/deploy/nginx-configuration.js';
import { findProgram, freePort, type Server, started, workFolder } from './servers.js';

/** As many as the machine has cores, as nginx's image does. */
const WORKERS = availableParallelism();

/**
 * nginx with the configuration that is shipped in front of a Hallmark that leaves blobs to it, or undefined when this
 * machine has no nginx.
 */
export async function startProxy(hallmark: Server): Promise<Server | undefined> {
  const program = findProgram('nginx');
  if (!program) return undefined;
  const folder = await workFolder();
  for (const read of [folder, hallmark.folder]) await chmod(read, 0o755); // nginx reads the blobs as another user
  const port = await freePort();
  const { host } = new URL(hallmark.url);
  const listen = `127.0.0.1:${port}`;
  const blobs = `${join(hallmark.folder, 'data/blobs')}/`;
  const { args } = await writeNginxConfiguration(folder, { listen, api: host, registry: host, blobs }, WORKERS);
  const child = spawn(program, args, { stdio: 'inherit' });
  const nginx = await started('nginx', child, port, folder, hallmark.headers);
  const children = await readFile(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8');
  return { ...nginx, workers: children.trim().split(' ').map(Number) };
}
