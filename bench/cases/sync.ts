import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { imageOf, openUpload, piece, type Piece, pushBlob, putManifest, someBlob } from '../content.js';
import type { Flags } from '../main.js';
import { clients, cpuSeconds, type Load, memoryMib } from '../measure.js';
import { type Row, printTable, times } from '../report.js';
import { finished, get, post, secondsOf } from '../rest.js';
import { findProgram, type Server, startHallmark, startPeer, workFolder } from '../servers.js';
import { curl } from './blobs.js';
import { writeBlob } from './memory.js';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const NAME = 'bench/sync';
const CLIENTS = 8;
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** Small images, with Hallmark and with `skopeo sync`. */
export const sync = (flags: Flags) =>
  withUpstream(async (upstream) => {
    const count = flags.count || 500;
    await clients(upstream.pid, CLIENTS, count, async (at) =>
      putManifest(upstream, NAME, `v${at}`, await pushParts(upstream)),
    );
    await smallImages(upstream, count, flags.rounds);
  });

/** A sync that finds nothing new under ten thousand tags. */
export const syncTags = (flags: Flags) => withUpstream((upstream) => manyTags(upstream, flags.count || 10_000));

/** A sync of one large layer. */
export const syncLayer = (flags: Flags) => withUpstream((upstream) => largeLayer(upstream, flags.mib));

async function withUpstream(work: (upstream: Server) => Promise<void>): Promise<void> {
  const upstream = await startPeer('docker-registry');
  if (!upstream) throw new Error('This case needs docker-registry: scripts/install-clients.sh core');
  try {
    await work(upstream);
  } finally {
    await upstream.stop();
  }
}

/** Pushes the blobs of an image that skopeo takes for one, too. */
async function pushParts(upstream: Server): Promise<Piece> {
  const layer = { ...someBlob(1000), mediaType: LAYER };
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    config: { Labels: { made: randomBytes(8).toString('hex') } },
  };
  const blobs = [piece(Buffer.from(JSON.stringify(config)), CONFIG), layer];
  for (const each of blobs) await pushBlob(upstream, NAME, each);
  return imageOf(blobs);
}

async function smallImages(upstream: Server, count: number, rounds: number): Promise<void> {
  const all: Record<string, Load[]> = {};
  for (let round = 0; round < rounds; round += 1)
    for (const [name, once] of Object.entries({
      hallmark: () => byHallmark(upstream, count),
      'skopeo sync to a folder': () => bySkopeo(upstream, count, 'dir'),
      'skopeo sync to docker-registry': () => bySkopeo(upstream, count, 'docker'),
    }))
      (all[name] ??= []).push(await once());
  const middle = Object.fromEntries(Object.entries(all).map(([name, loads]) => [name, median(loads)]));
  const own = middle['hallmark']!;
  const rows = Object.entries(middle).map(([server, load]): Row => {
    const ratios = server === 'hallmark' ? [] : [`hallmark is ${times(own, load, 'this')}`];
    return { what: `${count} small images`, server, load, ratios };
  });
  printTable(`Sync, median of ${rounds}`, 'images/s', rows);
}

async function byHallmark(upstream: Server, count: number): Promise<Load> {
  const hallmark = await startHallmark();
  try {
    const { sync: start } = await mirror(hallmark, upstream, NAME);
    const { seconds, cpu } = await start();
    return { rate: count / seconds, cpu: (cpu * 1e6) / count };
  } finally {
    await hallmark.stop();
  }
}

async function bySkopeo(upstream: Server, count: number, to: 'dir' | 'docker'): Promise<Load> {
  const program = findProgram('skopeo');
  if (!program) throw new Error('This case needs skopeo: scripts/install-clients.sh core');
  const folder = await workFolder();
  const target = to === 'docker' ? await startPeer('docker-registry') : undefined;
  const tls = ['--src-tls-verify=false', ...(target ? ['--dest-tls-verify=false'] : [])];
  const source = `${new URL(upstream.url).host}/${NAME}`;
  const script = 'times; "$0" "$@" >/dev/null 2>&1 || exit 1; times';
  try {
    const began = performance.now();
    const { stdout } = await run('sh', [
      '-c',
      script,
      program,
      'sync',
      '--src',
      'docker',
      '--dest',
      to,
      ...tls,
      source,
      target ? new URL(target.url).host : folder,
    ]);
    const seconds = (performance.now() - began) / 1000;
    return { rate: count / seconds, cpu: (childSeconds(stdout) * 1e6) / count };
  } finally {
    await target?.stop();
    await rm(folder, { recursive: true });
  }
}

/** CPU of a shell's children by its `times`, user and system. */
function childSeconds(times: string): number {
  const last = times.trim().split('\n').at(-1)!;
  return [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, min, sec]) => sum + Number(min) * 60 + Number(sec), 0);
}

/** Tags on a hundred manifests; the second sync finds nothing new. */
async function manyTags(upstream: Server, count: number): Promise<void> {
  const blobs = [someBlob(100), someBlob(100)];
  for (const each of blobs) await pushBlob(upstream, NAME, each);
  const images = Array.from({ length: 100 }, (_each, at) => imageOf(blobs, {}, at + 1));
  await clients(upstream.pid, CLIENTS, count, (at) => putManifest(upstream, NAME, `v${at}`, images[at % 100]!));
  const hallmark = await startHallmark();
  try {
    const { sync: start, href } = await mirror(hallmark, upstream, NAME);
    const first = await start();
    const again = await start();
    const heads = await rawHeads(upstream, NAME, count);
    const { latest_version_href: version } = await get<{ latest_version_href: string }>(hallmark, href);
    process.stdout.write(
      `### Sync without news, ${count} tags\n\n${again.seconds.toFixed(1)} s (${again.cpu.toFixed(1)} s CPU), the first ` +
        `one ${first.seconds.toFixed(1)} s (${first.cpu.toFixed(1)} s CPU); ${count} HEAD requests alone, ten at once, ` +
        `take docker-registry ${heads.toFixed(1)} s; newest version: ${version.split('/').at(-2)}\n\n`,
    );
  } finally {
    await hallmark.stop();
  }
}

/** Seconds that as many HEAD requests take on ten connections when nobody does anything else. */
async function rawHeads(upstream: Server, name: string, count: number): Promise<number> {
  const dispatcher = new Agent({ connections: 10 });
  const began = performance.now();
  await clients(upstream.pid, 10, count, async (at) => {
    const answer = await request(`${upstream.url}/v2/${name}/manifests/v${at}`, { method: 'HEAD', dispatcher });
    await answer.body.dump();
  });
  await dispatcher.close();
  return (performance.now() - began) / 1000;
}

/** One layer of `mib` MiB, beside what hashing and writing as many bytes takes. */
async function largeLayer(upstream: Server, mib: number): Promise<void> {
  const folder = await workFolder();
  const hallmark = await startHallmark();
  try {
    const file = join(folder, 'layer');
    const digest = await writeBlob(file, mib);
    const path = await openUpload(upstream, 'bench/large', digest);
    await curl(['-H', 'Expect:', '-T', file, upstream.url + path]);
    const config = piece(Buffer.from('{"architecture":"amd64","os":"linux"}'), CONFIG);
    await pushBlob(upstream, 'bench/large', config);
    const layer = { mediaType: LAYER, digest, size: mib * MIB, bytes: Buffer.alloc(0) };
    await putManifest(upstream, 'bench/large', 'one', imageOf([config, layer]));
    const limit = await hashAndWrite(file, join(folder, 'copy'), mib);
    const { sync: start } = await mirror(hallmark, upstream, 'bench/large');
    const idle = memoryMib(hallmark.pid).now;
    const { seconds, cpu } = await start();
    const rate = mib / seconds;
    process.stdout.write(
      `### Sync of a layer of ${mib} MiB\n\n${rate.toFixed(0)} MiB/s (${((cpu * 1e6) / mib).toFixed(0)} µs CPU each), ` +
        `${(rate / limit).toFixed(2)}× of hashing and writing it, ${limit.toFixed(0)} MiB/s; ` +
        `memory ${idle.toFixed(0)} MiB before, ${memoryMib(hallmark.pid).peak.toFixed(0)} at most\n\n`,
    );
  } finally {
    await hallmark.stop();
    await rm(folder, { recursive: true });
  }
}

/** MiB per second of reading a file, hashing it and writing it flushed. */
async function hashAndWrite(from: string, to: string, mib: number): Promise<number> {
  const [source, target] = [await open(from), await open(to, 'w')];
  const hash = createHash('sha256');
  const began = performance.now();
  const block = Buffer.alloc(MIB);
  for (let at = 0; at < mib; at += 1) {
    await source.read(block, 0, MIB, at * MIB);
    const writing = target.write(block, 0, MIB, at * MIB);
    hash.update(block);
    await writing;
  }
  await target.datasync();
  const rate = mib / ((performance.now() - began) / 1000);
  await Promise.all([source.close(), target.close()]);
  await rm(to);
  return rate;
}

/** A repository of Hallmark that mirrors an upstream one; each sync tells seconds and CPU. */
async function mirror(hallmark: Server, upstream: Server, name: string) {
  const remote = await post(hallmark, 'remotes/container/container/', {
    name: 'bench',
    url: upstream.url,
    upstream_name: name,
    policy: 'immediate',
  });
  const { pulp_href: href } = await post(hallmark, 'repositories/container/container/', {
    name: 'bench',
    remote: remote.pulp_href,
  });
  const start = async () => {
    const before = cpuSeconds(hallmark.pid);
    const { task } = await post(hallmark, `${href}sync/`, {});
    const seconds = secondsOf(await finished(hallmark, task));
    return { seconds, cpu: cpuSeconds(hallmark.pid) - before };
  };
  return { href, sync: start };
}

const median = (loads: readonly Load[]): Load =>
  loads.toSorted((one, other) => one.rate - other.rate)[Math.floor(loads.length / 2)]!;
