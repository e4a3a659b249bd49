import { createHash, randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { memoryMib } from '../measure.js';
import type { Flags } from '../main.js';
import { startHallmark, workFolder } from '../servers.js';
import { curl } from './blobs.js';
import { pushFile } from './large-pushes.js';

const MIB = 1024 * 1024;

/** Memory of the process idle, while a large blob comes in, and while four readers take it out. */
export async function memory(flags: Flags): Promise<void> {
  const hallmark = await startHallmark();
  const folder = await workFolder();
  try {
    const idle = memoryMib(hallmark.pid).now;
    const file = join(folder, 'blob');
    const digest = await writeBlob(file, flags.mib);
    await pushFile(hallmark, 'bench/memory', file, digest);
    const pushed = memoryMib(hallmark.pid);
    const url = `${hallmark.url}/v2/bench/memory/blobs/${digest}`;
    await Promise.all(Array.from({ length: 4 }, () => curl(['-o', '/dev/null', url])));
    const pulled = memoryMib(hallmark.pid);
    const line = (what: string, mib: number) => `| ${what} | ${mib.toFixed(0)} |`;
    const lines = [
      `### Memory of the process, one blob of ${flags.mib} MiB`,
      '',
      '| | MiB |',
      '|---|---:|',
      line('idle', idle),
      line('after the push', pushed.now),
      line('peak of the push', pushed.peak),
      line('after four downloads at once', pulled.now),
      line('peak of everything', pulled.peak),
    ];
    process.stdout.write(`${lines.join('\n')}\n\n`);
  } finally {
    await hallmark.stop();
    await rm(folder, { recursive: true });
  }
}

/** Writes a file of so many MiB, each another one, and gives its digest. */
export async function writeBlob(path: string, mib: number): Promise<string> {
  const file = await open(path, 'w');
  const hash = createHash('sha256');
  const block = randomBytes(MIB);
  for (let at = 0; at < mib; at += 1) {
    block.writeUInt32LE(at);
    hash.update(block);
    await file.write(block);
  }
  await file.close();
  return `sha256:${hash.digest('hex')}`;
}
