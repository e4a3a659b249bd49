import { spawn } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findClient } from '../../scripts/clients.mjs';
import type { ClientHome } from './client-tools.js';

/** A daemon that keeps everything inside a home. */
export interface Daemon {
  stop(): Promise<void>;
}

const STARTING_MS = 20_000;

/** Where the client of a daemon finds it. */
export const socketOf = (home: ClientHome, daemon: 'containerd' | 'dockerd') => join(home.folder, `${daemon}.sock`);

/** Starts containerd; undefined when this machine does not let it run. */
export async function startContainerd(home: ClientHome): Promise<Daemon | undefined> {
  const folder = join(home.folder, 'containerd');
  await mkdir(folder);
  const unwanted = ['grpc.v1.cri', 'snapshotter.v1.btrfs', 'snapshotter.v1.devmapper', 'snapshotter.v1.zfs'];
  const lines = [
    'version = 2',
    `root = "${folder}/root"`,
    `state = "${folder}/state"`,
    `disabled_plugins = ${JSON.stringify(unwanted.map((name) => `io.containerd.${name}`))}`,
    `[grpc]\naddress = "${socketOf(home, 'containerd')}"`,
  ];
  await writeFile(join(folder, 'config.toml'), lines.join('\n'));
  return start(home, 'containerd', ['-c', join(folder, 'config.toml')]);
}

/** Starts dockerd with a containerd of its own and no network; undefined when this machine does not let it run. */
export async function startDockerd(home: ClientHome): Promise<Daemon | undefined> {
  const folder = join(home.folder, 'dockerd');
  await mkdir(folder);
  await writeFile(join(folder, 'daemon.json'), '{}');
  const network = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--storage-driver=vfs'];
  const places = ['data-root', 'exec-root', 'pidfile'].map((name) => `--${name}=${join(folder, name)}`);
  const socket = `--host=unix://${socketOf(home, 'dockerd')}`;
  return start(home, 'dockerd', [socket, ...places, ...network, `--config-file=${join(folder, 'daemon.json')}`]);
}

async function start(home: ClientHome, program: 'containerd' | 'dockerd', args: string[]): Promise<Daemon | undefined> {
  const child = spawn(findClient(program)!, args, { cwd: home.folder, stdio: 'ignore' });
  const ended = new Promise<void>((done) => child.once('exit', () => done()).once('error', () => done()));
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  const began = Date.now();
  while (child.exitCode === null && Date.now() - began < STARTING_MS) {
    if (await isThere(socketOf(home, program))) return { stop };
    await delay(100);
  }
  await stop();
  return undefined;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
