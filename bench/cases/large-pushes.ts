import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, openUpload } from '../content.js';
import { hashAndWrite } from '../hash-and-write.js';
import { cpuSeconds, type Load } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable } from '../report.js';
import { inTurns } from '../rounds.js';
import { type Server, workFolder } from '../servers.js';
import { compared, curl, start } from './blobs.js';

const MIB = 1024 * 1024;

/** A large blob pushed by one client, and four of a quarter of its size at once, in MiB/s; and what the disk and hashing allow. */
export async function largePushes(flags: Flags): Promise<void> {
  const servers = await start(['distribution', 'docker-registry', 'olareg']);
  const folder = await workFolder();
  try {
    const loads: Record<string, () => Promise<Load>> = {};
    for (const writers of [1, 4]) {
      const what = `push of ${flags.mib / writers} MiB × ${writers}`;
      for (const server of servers) loads[`${server.name}|${what}`] = () => upload(server, folder, writers, flags.mib);
      loads[`hash and write|${what}`] = () => limit(folder, writers, flags.mib);
    }
    printTable('Large pushes', 'MiB/s', compared(await inTurns(flags.rounds, loads)));
  } finally {
    for (const each of servers) await each.stop();
    await rm(folder, { recursive: true });
  }
}

async function upload(server: Server, folder: string, writers: number, mib: number): Promise<Load> {
  const files = [];
  for (let at = 0; at < writers; at += 1) {
    const bytes = Buffer.concat([randomBytes(MIB), Buffer.alloc((mib / writers - 1) * MIB, at)]);
    const file = join(folder, String(at));
    await writeFile(file, bytes);
    files.push({ file, digest: digestOf(bytes) });
  }
  const before = cpuSeconds(server.pid);
  const began = performance.now();
  await Promise.all(files.map(({ file, digest }, at) => pushFile(server, `bench/push${at}`, file, digest)));
  return { rate: mib / ((performance.now() - began) / 1000), cpu: ((cpuSeconds(server.pid) - before) * 1e6) / mib };
}

/** The same bytes hashed and written by this process, without anybody who sends them. */
async function limit(folder: string, writers: number, mib: number): Promise<Load> {
  const before = cpuSeconds(process.pid);
  const began = performance.now();
  await Promise.all(Array.from({ length: writers }, () => hashAndWrite(folder, mib / writers)));
  return {
    rate: mib / ((performance.now() - began) / 1000),
    cpu: ((cpuSeconds(process.pid) - before) * 1e6) / mib,
  };
}

/** Pushes a file as a blob, with curl. */
export async function pushFile(server: Server, name: string, file: string, digest: string): Promise<void> {
  const path = await openUpload(server, name, digest);
  const headers = Object.entries(server.headers).flatMap(([key, value]) => ['-H', `${key}: ${value}`]);
  await curl([
    ...headers,
    '-H',
    'Expect:',
    '-H',
    'Content-Type: application/octet-stream',
    '-T',
    file,
    server.url + path,
  ]);
}
