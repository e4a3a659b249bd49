// Where the real clients of the tests are found. Only what Node itself ships may be imported here.
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { root } from './set-up.mjs';

const PACKAGES = [
  'skopeo',
  'podman',
  'buildah',
  'umoci',
  'gpg',
  'docker-registry',
  'openssl',
  'curl',
  'jq',
  'redis-server',
  'nginx',
  'docker-compose',
  'make',
  'python3',
];
const PROGRAMS = [
  'crane',
  'regctl',
  'oras',
  'notation',
  'olareg',
  'registry3',
  'cosignv2',
  'cosignv3',
  'notation-1.0.0',
  'podman5',
  'versitygw',
  'helm',
  'kubernetes-validate',
  'promtool',
];

/** The folder that scripts/install-clients.sh fills. */
export const clientFolder = () =>
  process.env.HALLMARK_CLIENTS ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hallmark', 'clients');

/** Absolute path of a client, or undefined. */
export function findClient(name) {
  const folders = [
    clientFolder(),
    join(root, '.clients'),
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
  ];
  return folders.map((folder) => join(folder, name)).find(executable);
}

/** Clients that are not on this machine, each with the line that installs it. */
export function missingClients() {
  const packages = PACKAGES.filter((name) => !findClient(name)).map((name) => ({
    name,
    install: 'scripts/install-clients.sh core',
  }));
  const programs = PROGRAMS.filter((name) => !findClient(name)).map((name) => ({
    name,
    install: `scripts/install-clients.sh ${name}`,
  }));
  return [...packages, ...programs];
}

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
