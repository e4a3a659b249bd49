import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { vi } from 'vitest';
import { findClient } from '../../scripts/clients.mjs';
import { type Ended, run } from '../main-path/standalone-process.js';

// Each command of the operator is a process of its own; a busy machine needs its time for some of them in a row.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 240_000 });

/** The digest of bytes. */
export const sha = (bytes: Uint8Array | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The checkout. */
export const ROOT = join(import.meta.dirname, '../..');

/** A terminal of its own, with nothing of the user's settings, in which the commands of a document are typed. */
export interface Stage {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Types commands into bash and gives what they print on stdout; throws with everything when one fails. */
  sh(commands: string): Promise<string>;
  /** The same for commands that may fail. */
  attempt(commands: string): Promise<Ended>;
  path(name: string): string;
  write(name: string, content: string | object): Promise<string>;
  read(name: string): Promise<Buffer>;
  close(): Promise<void>;
}

/** Which program stands behind a name in the terminal: a client of that name, or the path of a stand-in. */
export type Programs = Readonly<Record<string, string>>;

/** Opens a terminal; `programs` says what a command is when it is not simply found on the PATH. */
export async function openStage(programs: Programs = {}, more: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'ac-'));
  const path = (name: string) => join(folder, name);
  for (const name of ['bin', 'run', 'gpg', 'lookaside', 'work', 'home/.config/containers/registries.d'])
    await mkdir(path(name), { recursive: true, mode: 0o700 });
  for (const [name, program] of Object.entries(programs))
    await symlink(program.startsWith('/') ? program : (findClient(program) ?? program), path(`bin/${name}`));
  const env = { ...settings(folder), ...more };
  const containers = 'home/.config/containers';
  const write = async (name: string, content: string | object) => {
    await mkdir(dirname(path(name)), { recursive: true });
    await writeFile(path(name), typeof content === 'string' ? content : JSON.stringify(content));
    return path(name);
  };
  // Signatures that no registry takes would land here; tests look that it stays empty.
  await write(`${containers}/registries.d/default.yaml`, `default-docker:\n  lookaside: file://${path('lookaside')}\n`);
  await write(`${containers}/policy.json`, { default: [{ type: 'insecureAcceptAnything' }] });
  await write('auth.json', '{}');
  for (const podman of ['podman', 'podman5'])
    if (findClient(podman)) await isolate(podman, path(`bin/${podman}`), folder);
  const attempt = (commands: string) => run('bash', ['-euo', 'pipefail', '-c', commands], env, path('work'));
  return {
    folder,
    env,
    attempt,
    path,
    write,
    read: (name) => readFile(path(name)),
    async sh(commands) {
      const { code, stdout, stderr } = await attempt(commands);
      if (code !== 0) throw new Error(`${commands}\nended with ${code}\n${stdout}\n${stderr}`);
      return stdout;
    },
    async close() {
      await run('gpgconf', ['--homedir', path('gpg'), '--kill', 'all'], env);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function settings(folder: string): Record<string, string> {
  return {
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: join(folder, 'home'),
    LANG: 'C.UTF-8',
    XDG_CONFIG_HOME: join(folder, 'home/.config'),
    XDG_CACHE_HOME: join(folder, 'home/.cache'),
    XDG_RUNTIME_DIR: join(folder, 'run'),
    DOCKER_CONFIG: join(folder, 'home/.docker'),
    REGISTRY_AUTH_FILE: join(folder, 'auth.json'),
    GNUPGHOME: join(folder, 'gpg'),
    TMPDIR: folder,
    COSIGN_PASSWORD: '',
    NOTATION_EXPERIMENTAL: '1',
  };
}

/** Puts a podman on the PATH whose images are in the terminal's own folder. */
async function isolate(name: string, wrapper: string, folder: string): Promise<void> {
  const store = `--root '${folder}/${name}-store' --runroot '${folder}/${name}-run' --storage-driver vfs`;
  await writeFile(wrapper, `#!/bin/sh\nexec '${findClient(name)}' ${store} --cgroup-manager cgroupfs "$@"\n`);
  await chmod(wrapper, 0o755);
}

/** A trust policy of notation with one statement. */
export function notationPolicy(scopes: readonly string[], store: string, level = 'strict') {
  const statement = {
    name: 'acceptance',
    registryScopes: scopes,
    signatureVerification: { level },
    trustStores: [`ca:${store}`],
    trustedIdentities: ['*'],
  };
  return { version: '1.0', trustPolicies: [statement] };
}
