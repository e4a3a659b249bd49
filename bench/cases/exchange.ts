import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { imageOf, openUpload, piece, pushBlob, putManifest, someBlob } from '../content.js';
import { cpuSeconds, memoryMib } from '../measure.js';
import type { Flags } from '../main.js';
import { API, finished, get, post, secondsOf } from '../rest.js';
import { type Server, startHallmark, workFolder } from '../servers.js';
import { curl } from './blobs.js';
import { writeBlob } from './memory.js';

const MIB = 1024 * 1024;
const NAME = 'bench/exchange';
const LAYERS = 4;

/** Export of an OCI layout of four large layers and some small images, and its import into an empty instance. */
export async function exchange(flags: Flags): Promise<void> {
  const folder = await workFolder();
  const archive = join(folder, 'layout.tar');
  try {
    const lines = [await exported(archive, folder, flags.mib), ...(await imported(archive))];
    process.stdout.write(
      `### OCI layout of ${flags.mib} MiB\n\n| | MB/s | server CPU, µs per MiB | memory before, peak (MiB) |\n|---|---:|---:|---:|\n${lines.join('\n')}\n\n`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function exported(archive: string, folder: string, mib: number): Promise<string> {
  const hallmark = await startHallmark();
  try {
    await fill(hallmark, join(folder, 'layer'), Math.ceil(mib / LAYERS));
    const { results } = await get<{ results: { latest_version_href: string }[] }>(
      hallmark,
      `repositories/container/container-push/?name=${NAME}`,
    );
    const url = `${hallmark.url}${results[0]!.latest_version_href}oci-layout.tar`;
    return await measured(hallmark, 'export', archive, async () => {
      const headers = Object.entries(hallmark.headers).flatMap(([key, value]) => ['-H', `${key}: ${value}`]);
      const began = performance.now();
      await curl([...headers, '-o', archive, url]);
      return (performance.now() - began) / 1000;
    });
  } finally {
    await hallmark.stop();
  }
}

async function fill(hallmark: Server, file: string, mib: number): Promise<void> {
  const headers = Object.entries(hallmark.headers).flatMap(([key, value]) => ['-H', `${key}: ${value}`]);
  for (let at = 0; at < LAYERS; at += 1) {
    const digest = await writeBlob(file, mib);
    const path = await openUpload(hallmark, NAME, digest);
    await curl([...headers, '-H', 'Expect:', '-T', file, hallmark.url + path]);
    const config = someBlob(200);
    await pushBlob(hallmark, NAME, config);
    const layer = { ...piece(Buffer.alloc(0)), digest, size: mib * MIB };
    await putManifest(hallmark, NAME, `large${at}`, imageOf([config, layer]));
  }
  await rm(file);
}

/** The upload of the archive, and the task after it. */
async function imported(archive: string): Promise<string[]> {
  const hallmark = await startHallmark();
  try {
    const { pulp_href: href } = await post(hallmark, 'repositories/container/container/', { name: 'bench' });
    let task = '';
    const upload = await measured(hallmark, 'import: upload', archive, async () => {
      const began = performance.now();
      const answer = await request(new URL(`${href}import/`, hallmark.url), {
        method: 'POST',
        headers: { ...hallmark.headers, 'content-type': 'application/x-tar' },
        body: createReadStream(archive, { highWaterMark: MIB }),
        headersTimeout: 0,
      });
      const body = (await answer.body.json()) as { task: string };
      if (answer.statusCode !== 202) throw new Error(`${API}: ${answer.statusCode} ${JSON.stringify(body)}`);
      task = body.task;
      return (performance.now() - began) / 1000;
    });
    const work = await measured(hallmark, 'import: task', archive, async () =>
      secondsOf(await finished(hallmark, task)),
    );
    return [upload, work];
  } finally {
    await hallmark.stop();
  }
}

async function measured(server: Server, what: string, archive: string, work: () => Promise<number>): Promise<string> {
  const idle = memoryMib(server.pid).now;
  const before = cpuSeconds(server.pid);
  const seconds = await work();
  const cpu = cpuSeconds(server.pid) - before;
  const { size } = await stat(archive);
  const rate = (size / 1e6 / seconds).toFixed(0);
  return `| ${what} | ${rate} | ${((cpu * 1e6 * MIB) / size).toFixed(0)} | ${idle.toFixed(0)}, ${memoryMib(server.pid).peak.toFixed(0)} |`;
}
