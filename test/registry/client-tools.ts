import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { findClient } from '../../scripts/clients.mjs';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from './content.js';
import { basic, PASSWORD, sha } from './registry-process.js';

const run = promisify(execFile);

/** A home of its own for container tools, signed in at a registry. */
export interface ClientHome {
  readonly folder: string;
  /** Runs a program; throws with its output when it fails. */
  run(program: string, ...args: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** Makes a home in which every tool finds the credentials of an account and nothing of the machine's user. */
export async function createHome(host: string, username = 'admin'): Promise<ClientHome> {
  // Lower case only: podman makes image names of paths.
  const folder = join(tmpdir(), `hm-${randomBytes(4).toString('hex')}`);
  await mkdir(folder, { mode: 0o700 });
  const auth = Buffer.from(`${username}:${PASSWORD}`).toString('base64');
  const authFile = join(folder, 'config.json');
  await writeFile(authFile, JSON.stringify({ auths: { [host]: { auth } } }));
  await writeFile(join(folder, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const containers = join(folder, '.config/containers');
  await mkdir(join(containers, 'registries.d'), { recursive: true });
  await writeFile(join(containers, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  await writeFile(
    join(containers, 'registries.conf'),
    `unqualified-search-registries = []\n[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
  );
  await mkdir(join(folder, 'run'), { mode: 0o700 });
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    LANG: 'C.UTF-8',
    XDG_CONFIG_HOME: join(folder, '.config'),
    XDG_RUNTIME_DIR: join(folder, 'run'),
    XDG_DATA_HOME: join(folder, '.local/share'),
    DOCKER_CONFIG: folder,
    REGISTRY_AUTH_FILE: authFile,
    CONTAINERS_REGISTRIES_CONF: join(containers, 'registries.conf'),
    STORAGE_DRIVER: 'vfs',
    BUILDAH_ISOLATION: 'chroot',
    COSIGN_PASSWORD: '',
  };
  return {
    folder,
    async run(program, ...args) {
      const path = findClient(program);
      if (!path) throw new Error(`${program} is not installed`);
      try {
        const { stdout } = await run(path, args, { env, cwd: folder, timeout: 120_000, maxBuffer: 1 << 24 });
        return stdout;
      } catch (error) {
        const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
        throw new Error(`${program} ${args.join(' ')}\n${stdout}\n${stderr}`, { cause: error });
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Arguments that keep podman's and buildah's storage inside a home. */
export const ownStorage = (home: ClientHome): string[] => [
  '--root',
  join(home.folder, 'storage'),
  '--runroot',
  join(home.folder, 'run/storage'),
  '--storage-driver',
  'vfs',
];

/**
 * Writes an OCI layout with an image, or with an index of one for each architecture when there are several. Returns the
 * digest of what the tag leads to.
 */
export async function writeLayout(
  folder: string,
  tag: string,
  text: string,
  architectures: readonly string[] = ['amd64'],
): Promise<string> {
  const blobs = join(folder, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const keep = async (bytes: Buffer, mediaType: string) => {
    await writeFile(join(blobs, sha(bytes).slice(7)), bytes);
    return { mediaType, digest: sha(bytes), size: bytes.length };
  };
  const image = async (architecture: string) => {
    const tar = await tarOf('hello.txt', `${text} on ${architecture}`);
    const layer = await keep(gzipSync(tar), OCI_LAYER);
    const rootfs = { type: 'layers', diff_ids: [sha(tar)] };
    const said = { architecture, os: 'linux', config: { Labels: { salt: text } }, rootfs };
    const config = await keep(Buffer.from(JSON.stringify(said)), OCI_CONFIG);
    const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] };
    const platform = { architecture, os: 'linux' };
    return { ...(await keep(Buffer.from(JSON.stringify(manifest)), OCI_MANIFEST)), platform };
  };
  const images = await Promise.all(architectures.map(image));
  const index = (manifests: readonly object[]) =>
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  const { platform: _, ...only } = images[0]!;
  const entry = images.length === 1 ? only : await keep(index(images), OCI_INDEX);
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  await writeFile(join(folder, 'index.json'), index([{ ...entry, annotations }]));
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return entry.digest;
}

/** A manifest as the registry has it, as text. */
export async function manifestAt(host: string, name: string, reference: string): Promise<string> {
  const headers = { authorization: basic('admin') };
  return (await fetch(`http://${host}/v2/${name}/manifests/${reference}`, { headers })).text();
}

/** A tar with one file. */
export async function tarOf(name: string, text: string): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name, mode: 0o644, mtime: new Date(0) }, text);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
