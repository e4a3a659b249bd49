import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'vitest';
import { findClient } from '../../scripts/clients.mjs';
import { freePort } from '../free-port.js';

/** Registries that tests start: distribution 2.8, distribution 3 and olareg, which has the referrers API. */
export type RegistryKind = 'docker-registry' | 'registry3' | 'olareg';

/** A registry on loopback. */
export interface RunningRegistry {
  readonly url: string;
  readonly host: string;
  stop(): Promise<void>;
}

/** Starts a registry with an empty store; skips the test when the program is missing and need not be there. */
export async function startRegistry(kind: RegistryKind, context?: TestContext): Promise<RunningRegistry> {
  const program = findClient(kind);
  if (!program) {
    if (process.env['HALLMARK_REQUIRE_CLIENTS'] === '1' || !context)
      throw new Error(`${kind} is missing: scripts/install-clients.sh`);
    context.skip(`needs ${kind}: scripts/install-clients.sh ${kind === 'docker-registry' ? 'core' : kind}`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-upstream-'));
  const port = await freePort();
  const args = await argumentsFor(kind, folder, port);
  const { REGISTRY_AUTH_FILE: _ignored, ...env } = process.env;
  const server = spawn(program!, args, { stdio: 'ignore', env: { ...env, OTEL_TRACES_EXPORTER: 'none' } });
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/v2/`);
  return {
    url,
    host: `127.0.0.1:${port}`,
    async stop() {
      const ended = new Promise((done) => server.once('exit', done));
      server.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function argumentsFor(kind: RegistryKind, folder: string, port: number): Promise<string[]> {
  if (kind === 'olareg') return ['serve', '--addr', '127.0.0.1', '--port', String(port), '--store-type', 'mem'];
  const config = join(folder, 'config.yml');
  await writeFile(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${folder}}, delete: {enabled: true}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
  );
  return ['serve', config];
}

async function answers(url: string): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50))
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
  throw new Error(`${url} does not answer`);
}
