import { spawn } from 'node:child_process';
import { pushBlob, someBlob } from '../content.js';
import { cpuSeconds, type Load, wrk } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable, type Row, times } from '../report.js';
import { inTurns } from '../rounds.js';
import { startProxy } from '../proxy.js';
import { type PeerName, type Server, startHallmark, startPeer } from '../servers.js';

const NAME = 'bench/bytes';
const KIB = 1024;
const MIB = KIB * KIB;

/** Blobs of 64 KiB, and ranges of 1 MiB in a larger one. */
export async function smallBlobs(flags: Flags): Promise<void> {
  const servers = await start(['distribution', 'docker-registry', 'olareg']);
  try {
    const small = someBlob(64 * KIB);
    const large = someBlob(64 * MIB);
    const loads: Record<string, () => Promise<Load>> = {};
    for (const server of servers) {
      for (const each of [small, large]) await pushBlob(server, NAME, each);
      const url = (digest: string) => `${server.url}/v2/${NAME}/blobs/${digest}`;
      loads[`${server.name}|64 KiB, 32 connections`] = () =>
        wrk(server.pid, url(small.digest), { seconds: flags.seconds });
      const range = { Range: `bytes=${20 * MIB}-${21 * MIB - 1}` };
      loads[`${server.name}|1 MiB ranges, 8 connections`] = () =>
        wrk(server.pid, url(large.digest), { seconds: flags.seconds, connections: 8, headers: range });
    }
    printTable('Small blobs', 'requests/s', compared(await inTurns(flags.rounds, loads)));
  } finally {
    for (const each of servers) await each.stop();
  }
}

/** One large blob, alone and four readers at once, in MiB/s. */
export async function largeBlobs(flags: Flags): Promise<void> {
  const servers = await start(['distribution', 'docker-registry', 'olareg']);
  try {
    const blob = someBlob(flags.mib * MIB);
    const loads: Record<string, () => Promise<Load>> = {};
    for (const server of servers) {
      await pushBlob(server, NAME, blob);
      for (const readers of [1, 4])
        loads[`${server.name}|GET of ${flags.mib} MiB × ${readers}`] = () =>
          download(server, `/v2/${NAME}/blobs/${blob.digest}`, readers, flags.mib);
    }
    printTable('Large blobs', 'MiB/s', compared(await inTurns(flags.rounds, loads)));
  } finally {
    for (const each of servers) await each.stop();
  }
}

/** One large blob through nginx, which sends the file itself, in MiB/s. */
export async function blobsThroughNginx(flags: Flags): Promise<void> {
  const hallmark = await startHallmark({ HALLMARK_OFFLOAD: 'true' });
  const servers = [hallmark];
  try {
    const nginx = await startProxy(hallmark);
    if (!nginx) throw new Error('nginx is not installed: scripts/install-clients.sh core');
    servers.push(nginx);
    const distribution = await startPeer('distribution');
    if (distribution) servers.push(distribution);
    const blob = someBlob(flags.mib * MIB);
    for (const server of servers) if (server !== nginx) await pushBlob(server, NAME, blob);
    const loads: Record<string, () => Promise<Load>> = {};
    for (const server of servers)
      for (const readers of [1, 4])
        loads[
          `${server === nginx ? 'hallmark' : server === hallmark ? 'without nginx' : server.name}|GET × ${readers}`
        ] = () => download(server, `/v2/${NAME}/blobs/${blob.digest}`, readers, flags.mib);
    printTable(`GET of ${flags.mib} MiB through nginx`, 'MiB/s', compared(await inTurns(flags.rounds, loads)));
  } finally {
    for (const each of servers.toReversed()) await each.stop();
  }
}

/** Starts Hallmark and those peers that are here. */
export async function start(peers: readonly PeerName[]): Promise<Server[]> {
  const servers: Server[] = [await startHallmark()];
  for (const name of peers) {
    const peer = await startPeer(name);
    if (peer) servers.push(peer);
  }
  return servers;
}

/** Rows of loads named `server|what`, each held against Hallmark's. */
export function compared(results: Readonly<Record<string, Load>>): Row[] {
  return Object.entries(results).map(([key, load]) => {
    const [server, what] = key.split('|') as [string, string];
    const own = results[`hallmark|${what}`];
    return {
      what,
      server,
      load,
      ratios: server === 'hallmark' || !own ? [] : [`hallmark is ${times(own, load, 'this')}`],
    };
  });
}

async function download(server: Server, path: string, readers: number, mib: number): Promise<Load> {
  const cpu = () => [server.pid, ...(server.workers ?? [])].reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const before = cpu();
  const began = performance.now();
  await Promise.all(Array.from({ length: readers }, () => curl(['-o', '/dev/null', server.url + path])));
  const total = mib * readers;
  return { rate: total / ((performance.now() - began) / 1000), cpu: ((cpu() - before) * 1e6) / total };
}

/** Runs curl; throws when it fails. */
export function curl(args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn('curl', ['-sS', '--fail', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('exit', (code) => (code === 0 ? done() : fail(new Error(`curl ended with ${code}: ${args.join(' ')}`))));
  });
}
