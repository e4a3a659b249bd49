import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, must, PASSWORD, run } from './standalone-process.js';

/** The signing script of the Pulp documentation, word for word. */
export const SCRIPT = `#!/usr/bin/env bash

 MANIFEST_PATH=$1
 FINGEPRINT="$PULP_SIGNING_KEY_FINGERPRINT"
 IMAGE_REFERENCE="$REFERENCE"
 SIGNATURE_PATH="$SIG_PATH"

 # Create container signature
 skopeo standalone-sign $MANIFEST_PATH $IMAGE_REFERENCE $FINGEPRINT --output $SIGNATURE_PATH
 # Check the exit status
 STATUS=$?
 if [ $STATUS -eq 0 ]; then
   echo {\\"signature_path\\": \\"$SIGNATURE_PATH\\"}
 else
   exit $STATUS
 fi
`;

/** A key in the workshop's gpg home. */
export interface GpgKey {
  readonly fingerprint: string;
  /** Path of the armored public key. */
  readonly publicKey: string;
}

/** A client's machine: its own home, gpg, policies and image store. Nothing of it touches the real one. */
export interface Workshop {
  readonly folder: string;
  readonly env: Record<string, string>;
  makeKey(name: string): Promise<GpgKey>;
  /** An image of one file in podman's store. */
  makeImage(name: string, content: string): Promise<void>;
  /** The path of a policy that asks for a key at one host. */
  policy(host: string, keyPath: string): Promise<string>;
  script(name: string, text: string): Promise<string>;
  /** Where clients put signatures that no registry takes. */
  readonly lookaside: string;
  podman(words: readonly string[]): Promise<Ended>;
  skopeo(words: readonly string[]): Promise<Ended>;
  close(): Promise<void>;
}

/** Opens a workshop under the temporary folder. */
export async function openWorkshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'hw-'));
  const at = (name: string) => join(folder, name);
  for (const name of ['home/.config/containers/registries.d', 'run', 'gpg', 'lookaside'])
    await mkdir(at(name), { recursive: true, mode: 0o700 });
  const containers = (name: string) => at(`home/.config/containers/${name}`);
  // Clients read and write signatures in a folder of their own when a registry does not keep them; it must stay empty.
  await writeFile(containers('registries.d/default.yaml'), `default-docker:\n  lookaside: file://${at('lookaside')}\n`);
  await writeFile(containers('policy.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  await writeFile(at('auth.json'), '{}');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: at('home'),
    XDG_RUNTIME_DIR: at('run'),
    GNUPGHOME: at('gpg'),
    REGISTRY_AUTH_FILE: at('auth.json'),
    TMPDIR: folder,
  };
  const store = [
    '--root',
    at('store'),
    '--runroot',
    at('runroot'),
    '--storage-driver',
    'vfs',
    '--cgroup-manager',
    'cgroupfs',
  ];
  const podman = (words: readonly string[]) => run('podman', [...store, ...words], env);
  return {
    folder,
    env,
    podman,
    lookaside: at('lookaside'),
    skopeo: (words) => run('skopeo', words, env),
    async makeKey(name) {
      const batch = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', ''];
      await must(
        'gpg',
        [...batch, '--quick-generate-key', `${name} <${name}@example.com>`, 'rsa2048', 'sign', 'never'],
        env,
      );
      const listing = await must('gpg', ['--batch', '--with-colons', '--list-keys', `${name}@example.com`], env);
      const fingerprint = listing
        .split('\n')
        .find((line) => line.startsWith('fpr'))!
        .split(':')[9]!;
      const publicKey = at(`${name}.asc`);
      await must('gpg', ['--batch', '--armor', '--output', publicKey, '--export', fingerprint], env);
      return { fingerprint, publicKey };
    },
    async makeImage(name, content) {
      const layer = await mkdtemp(at('layer-'));
      await writeFile(join(layer, 'content'), content);
      await must('tar', ['-cf', `${layer}.tar`, '-C', layer, 'content'], env);
      const { code, stderr } = await podman(['import', `${layer}.tar`, name]);
      if (code !== 0) throw new Error(stderr);
    },
    async policy(host, keyPath) {
      const path = join(await mkdtemp(at('policy-')), 'policy.json');
      const signedBy = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath }];
      await writeFile(
        path,
        JSON.stringify({ default: [{ type: 'reject' }], transports: { docker: { [host]: signedBy } } }),
      );
      return path;
    },
    async script(name, text) {
      await writeFile(at(name), text);
      await chmod(at(name), 0o755);
      return at(name);
    },
    async close() {
      await run('gpgconf', ['--homedir', at('gpg'), '--kill', 'all'], env);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** podman's words for a registry of ours. */
export const REGISTRY_WORDS = ['--tls-verify=false', '--creds', `admin:${PASSWORD}`] as const;
