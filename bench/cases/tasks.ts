import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generateKey } from 'openpgp';
import { call, imageOf, pushBlob, putManifest, someBlob } from '../content.js';
import { databaseUrl } from '../database-url.js';
import { cpuSeconds, type Load } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable, type Row } from '../report.js';
import { type Server, startHallmark } from '../servers.js';

const run = promisify(execFile);
const API = '/pulp/api/v3/';
const NAME = 'bench/sign';
const JSON_TYPE = { 'content-type': 'application/json' };

interface Task {
  readonly state: string;
  readonly pulp_created: string;
  readonly started_at: string;
  readonly finished_at: string;
  readonly error: unknown;
}

/** Signs many single-platform manifests with the signer that is built in. */
export async function signing(flags: Flags): Promise<void> {
  const count = flags.count || 1000;
  const hallmark = await startHallmark();
  try {
    await addService(hallmark);
    const blobs = [someBlob(100), someBlob(1000)];
    for (const each of blobs) await pushBlob(hallmark, NAME, each);
    for (let at = 0; at < count; at += 1) await putManifest(hallmark, NAME, `v${at}`, imageOf(blobs, {}, at + 1));
    const [service] = await results(hallmark, 'signing-services/?name=bench');
    const [repository] = await results(hallmark, `repositories/container/container-push/?name=${NAME}`);
    const before = cpuSeconds(hallmark.pid);
    const body = JSON.stringify({ manifest_signing_service: service!.pulp_href });
    const answer = await call(hallmark, 'POST', `${repository!.pulp_href}sign/`, [202], { body, headers: JSON_TYPE });
    const task = await finished(hallmark, (JSON.parse(answer.body) as { task: string }).task);
    const seconds = (Date.parse(task.finished_at) - Date.parse(task.started_at)) / 1000;
    const load: Load = { rate: count / seconds, cpu: ((cpuSeconds(hallmark.pid) - before) * 1e6) / count };
    const row: Row = { what: `${count} manifests, built-in signer`, server: 'hallmark', load };
    printTable('Signing', 'signatures/s', [row]);
  } finally {
    await hallmark.stop();
  }
}

/** Milliseconds from the request of a small task to its end, one after the other. */
export async function taskLatency(flags: Flags): Promise<void> {
  const hallmark = await startHallmark();
  try {
    const repository = { body: '{"name":"bench-tasks"}', headers: JSON_TYPE };
    const made = await call(hallmark, 'POST', `${API}repositories/container/container/`, [201], repository);
    const { pulp_href: href } = JSON.parse(made.body) as { pulp_href: string };
    const took: number[] = [];
    for (let at = 0; at < (flags.count || 50); at += 1) {
      const body = JSON.stringify({ content_units: [] });
      const answer = await call(hallmark, 'POST', `${href}add/`, [202], { body, headers: JSON_TYPE });
      const task = await finished(hallmark, (JSON.parse(answer.body) as { task: string }).task);
      took.push(Date.parse(task.finished_at) - Date.parse(task.pulp_created));
    }
    took.sort((one, other) => one - other);
    const at = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))]!.toFixed(1);
    process.stdout.write(
      `### Small tasks, from request to end\n\nmedian ${at(0.5)} ms, 95th percentile ${at(0.95)} ms of ${took.length}\n\n`,
    );
  } finally {
    await hallmark.stop();
  }
}

async function addService(server: Server): Promise<void> {
  const { privateKey } = await generateKey({
    userIDs: [{ name: 'bench', email: 'bench@example.org' }],
    type: 'rsa',
    rsaBits: 3072,
  });
  const file = join(server.folder, 'key.asc');
  await writeFile(file, privateKey);
  const program = join(import.meta.dirname, '../../apps/admin/main.js');
  const env = {
    ...process.env,
    DATABASE_URL: await databaseUrl(server),
    HALLMARK_DATA_DIR: join(server.folder, 'data'),
  };
  await run(process.execPath, [program, 'add-signing-service', 'bench', '--builtin', '--private-key', file], { env });
}

async function results(server: Server, path: string): Promise<{ pulp_href: string }[]> {
  const { body } = await call(server, 'GET', API + path, [200]);
  return (JSON.parse(body) as { results: { pulp_href: string }[] }).results;
}

async function finished(server: Server, href: string): Promise<Task> {
  for (;;) {
    const task = JSON.parse((await call(server, 'GET', href, [200])).body) as Task;
    if (task.state === 'completed') return task;
    if (['failed', 'canceled'].includes(task.state))
      throw new Error(`the task ${task.state}: ${JSON.stringify(task.error)}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
