import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generateKey } from 'openpgp';
import { imageOf, pushBlob, putManifest, someBlob } from '../content.js';
import { databaseUrl } from '../database-url.js';
import { cpuSeconds, type Load } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable, type Row } from '../report.js';
import { finished, get, post, secondsOf } from '../rest.js';
import { type Server, startHallmark } from '../servers.js';

const run = promisify(execFile);
const NAME = 'bench/sign';

/** Signs many single-platform manifests with the signer that is built in. */
export async function signing(flags: Flags): Promise<void> {
  const count = flags.count || 1000;
  const hallmark = await startHallmark();
  try {
    await addService(hallmark, await builtinService(hallmark));
    const load = await signed(hallmark, count);
    const row: Row = { what: `${count} manifests, built-in signer`, server: 'hallmark', load };
    printTable('Signing', 'signatures/s', [row]);
  } finally {
    await hallmark.stop();
  }
}

/** Signs by `skopeo standalone-sign`, as many scripts at once as is the default, and one after the other. */
export async function signingByScript(flags: Flags): Promise<void> {
  const count = flags.count || 60;
  const rows: Row[] = [];
  for (const [server, settings] of [
    ['hallmark', {}],
    ['one after the other', { HALLMARK_SIGN_PARALLEL: '1' }],
  ] as const) {
    const gnupg = await mkdtemp(join(tmpdir(), 'gpg-'));
    const hallmark = await startHallmark({ ...settings, GNUPGHOME: gnupg });
    try {
      await addService(hallmark, await scriptService(hallmark, gnupg), { GNUPGHOME: gnupg });
      const load = await signed(hallmark, count);
      rows.push({ what: `${count} manifests, skopeo script`, server, load });
    } finally {
      await hallmark.stop();
      await run('gpgconf', ['--homedir', gnupg, '--kill', 'all']);
      await rm(gnupg, { recursive: true, force: true });
    }
  }
  printTable('Signing by script', 'signatures/s', rows);
}

async function signed(hallmark: Server, count: number): Promise<Load> {
  const blobs = [someBlob(100), someBlob(1000)];
  for (const each of blobs) await pushBlob(hallmark, NAME, each);
  for (let at = 0; at < count; at += 1) await putManifest(hallmark, NAME, `v${at}`, imageOf(blobs, {}, at + 1));
  const [service] = await results(hallmark, 'signing-services/?name=bench');
  const [repository] = await results(hallmark, `repositories/container/container-push/?name=${NAME}`);
  const before = cpuSeconds(hallmark.pid);
  const body = { manifest_signing_service: service!.pulp_href };
  const { task } = await post(hallmark, `${repository!.pulp_href}sign/`, body);
  const seconds = secondsOf(await finished(hallmark, task));
  return { rate: count / seconds, cpu: ((cpuSeconds(hallmark.pid) - before) * 1e6) / count };
}

/** Milliseconds from the request of a small task to its end, one after the other. */
export async function taskLatency(flags: Flags): Promise<void> {
  const hallmark = await startHallmark();
  try {
    const { pulp_href: href } = await post(hallmark, 'repositories/container/container/', { name: 'bench-tasks' });
    const took: number[] = [];
    for (let at = 0; at < (flags.count || 50); at += 1) {
      const { task: begun } = await post(hallmark, `${href}add/`, { content_units: [] });
      const task = await finished(hallmark, begun);
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

async function builtinService(server: Server): Promise<string[]> {
  const { privateKey } = await generateKey({
    userIDs: [{ name: 'bench', email: 'bench@example.org' }],
    type: 'rsa',
    rsaBits: 3072,
  });
  const file = join(server.folder, 'key.asc');
  await writeFile(file, privateKey);
  return ['--builtin', '--private-key', file];
}

async function scriptService(server: Server, gnupg: string): Promise<string[]> {
  const who = 'bench@example.org';
  const gpg = (...args: string[]) => run('gpg', ['--homedir', gnupg, '--batch', ...args]);
  await gpg('--passphrase', '', '--quick-generate-key', who, 'rsa3072', 'sign', 'never');
  const { stdout } = await gpg('--list-keys', '--with-colons', who);
  const file = join(server.folder, 'sign.sh');
  await writeFile(
    file,
    '#!/bin/sh\nskopeo standalone-sign "$1" "$REFERENCE" "$PULP_SIGNING_KEY_FINGERPRINT" --output "$SIG_PATH" &&\n' +
      '  echo "{\\"signature_path\\": \\"$SIG_PATH\\"}"\n',
    { mode: 0o755 },
  );
  return [file, /^fpr:+([0-9A-F]{40}):/m.exec(stdout)![1]!, '--gnupghome', gnupg];
}

async function addService(server: Server, args: readonly string[], settings: Record<string, string> = {}) {
  const program = join(import.meta.dirname, '../../apps/admin/main.js');
  const env = {
    ...process.env,
    ...settings,
    DATABASE_URL: await databaseUrl(server),
    HALLMARK_DATA_DIR: join(server.folder, 'data'),
  };
  await run(process.execPath, [program, 'add-signing-service', 'bench', ...args], { env });
}

async function results(server: Server, path: string): Promise<{ pulp_href: string }[]> {
  return (await get<{ results: { pulp_href: string }[] }>(server, path)).results;
}
