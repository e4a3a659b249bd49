import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imageOf, pushBlob, putManifest, someBlob } from '../content.js';
import { databaseUrl } from '../database-url.js';
import { cpuSeconds, type Load } from '../measure.js';
import type { Flags } from '../main.js';
import { printTable, type Row } from '../report.js';
import { finished, get, post, secondsOf } from '../rest.js';
import { type Server, startHallmark } from '../servers.js';
import { type BenchSigner, benchSigners } from '../signers.js';

const run = promisify(execFile);
const NAME = 'bench/sign';

/** Signs many single-platform manifests with the signers that are built in, of every family. */
export async function signing(flags: Flags): Promise<void> {
  const count = flags.count || 1000;
  const rows: Row[] = [];
  for (const signer of await benchSigners()) {
    const hallmark = await startHallmark();
    try {
      await addService(hallmark, await builtinService(hallmark, signer));
      const load = await signed(hallmark, count);
      rows.push({ what: `${count} manifests, ${signer.what}`, server: 'hallmark', load });
    } finally {
      await hallmark.stop();
    }
  }
  printTable('Signing', 'signatures/s', rows);
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

/** Writes the key files of a signer; gives the arguments that register it. */
export async function builtinService(server: Server, { className, source }: BenchSigner): Promise<string[]> {
  const write = async (name: string, text: string) => {
    await writeFile(join(server.folder, name), text);
    return join(server.folder, name);
  };
  const { privateKey, certificates, shape } = source;
  const args = ['--class', className, '--builtin', '--private-key', await write('signer.key', privateKey)];
  if (certificates !== undefined) args.push('--certificates', await write('signer.crt', certificates));
  return shape === undefined ? args : [...args, '--shape', shape];
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

/** Registers a signing service with the `hallmark` command. */
export async function addService(server: Server, args: readonly string[], settings: Record<string, string> = {}) {
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
